import { Label, Radio, RadioGroup } from 'react-aria-components/RadioGroup';
import type { Disk, InstallRequest, InstallTarget } from '../../../../preload/contract/install.ts';
import { useI18n } from '../../../i18n/i18n.tsx';
import { Choice } from '../../../ui/Choice.tsx';
import { Toggle } from '../../../ui/Toggle.tsx';
import { partitionName } from './DiskPicture.tsx';

/** Less cannot hold a system; the plan says how much exactly. */
const LEAST_ROOM = 2 * 1024 ** 3;
const SWAP_SIZES = [0, 4096, 8192, 16_384] as const;
const MIB = 1024 * 1024;

interface Option {
  readonly key: string;
  readonly target: InstallTarget;
  readonly label: string;
  readonly hint: string;
}

/** Where on the disk, and what else: swap, encryption. */
export function TargetChoice(props: {
  readonly disk: Disk;
  readonly tpm: boolean;
  readonly request: InstallRequest;
  readonly onChange: (request: InstallRequest) => void;
}) {
  const { t, format } = useI18n();
  const { disk, request, onChange } = props;
  const i = t.admin.install;
  const options: Option[] = [
    { key: 'whole', target: { mode: 'whole' }, label: i.whole, hint: i.wholeHint },
    ...disk.free
      .filter(({ size }) => size >= LEAST_ROOM && disk.table === 'gpt')
      .map(({ start, size }) => ({
        key: `free-${start}`,
        target: { mode: 'free' as const, start },
        label: i.free(format.bytes(size)),
        hint: i.freeHint,
      })),
    ...disk.partitions
      .filter(({ size, systems }) => {
        const windows = systems.some(({ kind }) => kind === 'windows');
        return size >= LEAST_ROOM && !windows && disk.table === 'gpt';
      })
      .map((partition) => ({
        key: `partition-${partition.number}`,
        target: { mode: 'partition' as const, number: partition.number },
        label: i.replace(partitionName(partition, t), format.bytes(partition.size)),
        hint: i.replaceHint,
      })),
  ];
  return (
    <>
      <RadioGroup
        className="cards"
        value={keyOf(request.target)}
        onChange={(key) => {
          const option = options.find((one) => one.key === key);
          if (option) onChange({ ...request, target: option.target });
        }}
      >
        <Label>{i.how}</Label>
        {options.map(({ key, label, hint }) => (
          <Radio key={key} value={key} className="card-option">
            <span className="card-body">
              <strong>{label}</strong>
              <span className="hint">{hint}</span>
            </span>
          </Radio>
        ))}
      </RadioGroup>
      <div className="install-extras">
        <Choice
          label={i.swap}
          value={String(request.swapMiB)}
          options={SWAP_SIZES.map((size) => ({
            value: String(size),
            label: size === 0 ? i.swapNone : format.bytes(size * MIB),
          }))}
          onChange={(size) => onChange({ ...request, swapMiB: Number(size) })}
        />
        {props.tpm ? (
          <Toggle
            label={i.encrypt}
            hint={i.encryptHint}
            isSelected={request.encrypt}
            onChange={(encrypt) => onChange({ ...request, encrypt })}
          />
        ) : (
          <p className="hint">{i.encryptMissing}</p>
        )}
      </div>
    </>
  );
}

function keyOf(target: InstallTarget): string {
  switch (target.mode) {
    case 'whole':
      return 'whole';
    case 'free':
      return `free-${target.start}`;
    case 'partition':
      return `partition-${target.number}`;
  }
}
