import { useCallback } from 'react';
import { useI18n } from '../../i18n/i18n.tsx';
import { useAsked, useStore } from '../../store/hooks.ts';
import { Answer } from './Answer.tsx';

/** Every setting with the value in force and where it comes from. They are changed elsewhere. */
export function SettingsPanel() {
  const { t } = useI18n();
  const { api } = useStore();
  const asked = useAsked(useCallback(() => api.settings.read(), [api]));
  const s = t.admin.setting;
  return (
    <Answer asked={asked}>
      {(settings) => (
        <div className="table-scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">{s.key}</th>
                <th scope="col">{s.value}</th>
                <th scope="col">{s.source}</th>
              </tr>
            </thead>
            <tbody>
              {settings.map(({ key, value, source }) => (
                <tr key={key}>
                  <th scope="row" className="mono">
                    {key}
                  </th>
                  <td className="mono">
                    {typeof value === 'string' ? value : JSON.stringify(value)}
                  </td>
                  <td>{source}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Answer>
  );
}
