import { useCallback } from 'react';
import { Meter } from 'react-aria-components/Meter';
import type { StorageUse } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useAsked, useStore } from '../../store/hooks.ts';
import { Answer } from './Answer.tsx';
import { Facts } from './Facts.tsx';

export function StoragePanel() {
  const { api } = useStore();
  const asked = useAsked(useCallback(() => api.device.storage(), [api]));
  return <Answer asked={asked}>{(use) => <Use use={use} />}</Answer>;
}

function Use({ use }: { readonly use: StorageUse }) {
  const { t, format } = useI18n();
  const d = t.admin.disk;
  const used = use.total - use.free;
  const label = d.used(format.bytes(used), format.bytes(use.total));
  return (
    <>
      <p>{label}</p>
      <Meter className="bar wide" aria-label={label} value={used} maxValue={Math.max(1, use.total)}>
        {({ percentage }) => <i style={{ inlineSize: `${percentage}%` }} />}
      </Meter>
      <Facts
        rows={[
          [d.free, format.bytes(use.free)],
          [d.fileSystem, use.fileSystem],
        ]}
      />
      <div className="table-scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{d.part}</th>
              <th scope="col">{d.path}</th>
              <th scope="col" className="end">
                {d.size}
              </th>
            </tr>
          </thead>
          <tbody>
            {use.parts.map(({ id, path, bytes }) => (
              <tr key={id}>
                <th scope="row">{partName(id, d.parts)}</th>
                <td className="mono">{path}</td>
                <td className="end">{format.bytes(bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** A part that a newer main knows and this page does not keeps its own name. */
function partName(id: string, names: Readonly<Record<string, string>>): string {
  return (Object.hasOwn(names, id) ? names[id] : undefined) ?? id;
}
