import { Label, Radio, RadioGroup } from 'react-aria-components/RadioGroup';
import type { Disk } from '../../../../preload/contract/install.ts';
import type { I18n } from '../../../i18n/i18n.tsx';
import { useI18n } from '../../../i18n/i18n.tsx';
import { DiskPicture, piecesOfDisk } from './DiskPicture.tsx';

/** The disks as they are; one that must not be touched says why and cannot be chosen. */
export function DiskChoice(props: {
  readonly disks: readonly Disk[];
  readonly value: string | null;
  readonly onChange: (path: string) => void;
}) {
  const i18n = useI18n();
  return (
    <RadioGroup className="cards" value={props.value} onChange={props.onChange}>
      <Label>{i18n.t.admin.install.disk}</Label>
      {props.disks.map((disk) => {
        const reasons = reasonsAgainst(disk, i18n);
        return (
          <Radio
            key={disk.path}
            value={disk.path}
            className="card-option"
            isDisabled={reasons.length > 0}
          >
            <DiskCard disk={disk} reasons={reasons} />
          </Radio>
        );
      })}
    </RadioGroup>
  );
}

function DiskCard({ disk, reasons }: { readonly disk: Disk; readonly reasons: readonly string[] }) {
  const i18n = useI18n();
  const { t, format } = i18n;
  const i = t.admin.install;
  const systems = disk.partitions.flatMap((partition) => partition.systems.map(({ name }) => name));
  const facts = [
    format.bytes(disk.size),
    shortName(disk.path),
    disk.serial === '' ? '' : i.serial(disk.serial),
    disk.removable ? i.facts.removable : '',
    disk.rotational ? i.facts.rotational : '',
  ].filter((fact) => fact !== '');
  return (
    <span className="card-body">
      <strong>{diskName(disk, i18n)}</strong>
      <span className="hint">{facts.join(' · ')}</span>
      <DiskPicture label={diskName(disk, i18n)} pieces={piecesOfDisk(disk, t)} />
      {systems.length > 0 && <span>{i.systems(format.list(systems))}</span>}
      {disk.installation?.state === 'installed' && <span>{i.installed}</span>}
      {disk.installation?.state === 'interrupted' && <span>{i.interrupted}</span>}
      {reasons.map((reason) => (
        <span key={reason} className="refusal">
          {reason}
        </span>
      ))}
    </span>
  );
}

export function diskName(disk: Pick<Disk, 'model' | 'path'>, { t }: I18n): string {
  return disk.model.trim() || `${t.admin.install.unnamed} ${shortName(disk.path)}`;
}

export function shortName(path: string): string {
  return path.replace('/dev/', '');
}

/** Why the disk must not be touched whatever the plan; main says the same and has the last word. */
function reasonsAgainst(disk: Disk, { t }: I18n): string[] {
  const i = t.admin.install;
  const uses = [disk, ...disk.partitions].flatMap(({ path, mounts, holders }) => [
    ...mounts.slice(0, 1).map((mount) => i.mounted(shortName(path), mount)),
    ...holders.slice(0, 1).map((holder) => i.held(shortName(path), holder)),
  ]);
  return [
    ...(disk.bootMedium ? [i.bootMedium] : []),
    ...(disk.readOnly ? [i.readOnly] : []),
    ...uses,
  ];
}
