import type { Disk, DiskPartition, PlanPart } from '../../../../preload/contract/install.ts';
import type { Messages } from '../../../i18n/en/messages.ts';
import { useI18n } from '../../../i18n/i18n.tsx';

/** A piece of the picture: pieces are in the order of the disk and fill it. */
interface Piece {
  readonly size: number;
  readonly kind: PlanPart['kind'];
  readonly label: string;
}

/** A disk as a bar of its parts, with their names and sizes below; said as one sentence. */
export function DiskPicture(props: { readonly label: string; readonly pieces: readonly Piece[] }) {
  const { t, format } = useI18n();
  const i = t.admin.install;
  const said = props.pieces.map(({ label, size }) => i.part(label, format.bytes(size)));
  return (
    <figure className="disk-picture" aria-label={i.picture(props.label, format.list(said))}>
      <div className="disk-bar" aria-hidden="true">
        {props.pieces.map((piece, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place
          <span key={index} className={`piece ${piece.kind}`} style={{ flexGrow: piece.size }} />
        ))}
      </div>
      <ul className="disk-legend" aria-hidden="true">
        {props.pieces.map((piece, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place
          <li key={index}>
            <span className={`swatch ${piece.kind}`} />
            {piece.label} <span className="hint">{format.bytes(piece.size)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

/** The disk as it is. */
export function piecesOfDisk(disk: Disk, t: Messages): Piece[] {
  const parts = [
    ...disk.partitions.map((partition) => ({
      start: partition.start,
      size: partition.size,
      kind: 'kept' as const,
      label: partitionName(partition, t),
    })),
    ...disk.free.map(({ start, size }) => ({
      start,
      size,
      kind: 'free' as const,
      label: t.admin.install.kinds.free,
    })),
  ].sort((a, b) => a.start - b.start);
  if (parts.length > 0) return parts;
  return [{ size: disk.size, kind: 'free', label: t.admin.install.empty }];
}

/** One half of the plan; slivers that alignment leaves are not drawn. */
export function piecesOfPlan(parts: readonly PlanPart[], t: Messages): Piece[] {
  const i = t.admin.install;
  return parts
    .filter(({ kind, size }) => kind !== 'free' || size >= 4 * 1024 * 1024)
    .map(({ kind, size, label, number, systems, fileSystem }) => {
      const own = systems[0]?.name || label || fileSystem || (number === null ? '' : `${number}`);
      const named = kind === 'kept' || kind === 'erased';
      return {
        kind,
        size,
        label: named && own !== '' ? `${own}: ${i.kinds[kind]}` : i.kinds[kind],
      };
    });
}

/** What people know it by: the system on it, its name, or its number. */
export function partitionName(partition: DiskPartition, t: Messages): string {
  const { systems, name, fileSystem, number } = partition;
  const known = systems.map((system) => system.name).join(', ') || fileSystem?.label || name;
  return known || t.admin.install.partition(String(number));
}
