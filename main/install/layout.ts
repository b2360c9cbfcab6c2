/** What Vestibule puts on a disk: partitions, labels, subvolumes, and the room that each takes. */
import { createHash } from 'node:crypto';
import { GPT_TYPES, SECTOR, type TableEntry } from './disk-table.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Names of our partitions in the GPT: how ours are told from others'. */
export const NAMES = {
  'bios-boot': 'KIOSK-BIOS',
  efi: 'KIOSK-ESP',
  swap: 'KIOSK-SWAP',
  system: 'KIOSK-SYSTEM',
  data: 'KIOSK-DATA',
} as const;
export type PartKind = keyof typeof NAMES;

export const ESP_LABEL = 'KIOSKESP';
/** Nobody looks for this label: a disk is found under {@link SYSTEM_LABEL} once it is complete. */
export const UNFINISHED_LABEL = 'KIOSK-NEW';
export const SYSTEM_LABEL = 'KIOSK';
/** Inside LUKS2, where what people leave is encrypted. */
export const DATA_LABEL = 'KIOSKDATA';
export const SUBVOLUMES = ['slots', 'data', 'vm'] as const;

const BIOS_BOOT = MIB;
const ESP = 128 * MIB;
/** For machines' images and people at the least. */
const MIN_DATA = 2 * GIB;

export interface Part {
  readonly kind: PartKind;
  /** Bytes. */
  readonly start: number;
  readonly size: number;
}

export interface LayoutOptions {
  /** Bytes of a system in a slot. */
  readonly systemBytes: number;
  readonly swapMiB: number;
  readonly encrypt: boolean;
}

/** Two slots, a third of headroom for systems to come, and a copy under way. */
function slotRoom(systemBytes: number): number {
  return Math.ceil((systemBytes * 4) / MIB) * MIB + 256 * MIB;
}

/** The least room in bytes that an installation fits in. */
export function requiredBytes({ systemBytes, swapMiB }: LayoutOptions): number {
  return BIOS_BOOT + ESP + swapMiB * MIB + slotRoom(systemBytes) + MIN_DATA;
}

/** Our partitions in a room, in their order; the last takes what is left. */
export function layOut(
  room: { readonly start: number; readonly size: number },
  options: LayoutOptions,
): Part[] {
  const sizes: Array<readonly [PartKind, number]> = [
    ['bios-boot', BIOS_BOOT],
    ['efi', ESP],
    ...(options.swapMiB > 0 ? [['swap', options.swapMiB * MIB] as const] : []),
    ...(options.encrypt
      ? ([
          ['system', slotRoom(options.systemBytes)],
          ['data', 0],
        ] as const)
      : ([['system', 0]] as const)),
  ];
  const end = room.start + room.size;
  let at = room.start;
  return sizes.map(([kind, size]) => {
    const part = { kind, start: at, size: size === 0 ? end - at : size };
    at += part.size;
    return part;
  });
}

/**
 * Table entries for the parts, with numbers that no partition has. Their UUIDs follow from the
 * place alone: the same plan carried out again makes the same table, so that an interrupted
 * installation is known as the one that goes on.
 */
export function tableEntries(
  parts: readonly Part[],
  usedNumbers: readonly number[],
  seed: string,
): TableEntry[] {
  const used = new Set(usedNumbers);
  let number = 0;
  return parts.map(({ kind, start, size }) => {
    do number++;
    while (used.has(number));
    return {
      number,
      start: start / SECTOR,
      size: size / SECTOR,
      type: partType(kind),
      uuid: uuidOf(`${seed}/${kind}/${start}/${size}`),
      name: NAMES[kind],
      attrs: '',
    };
  });
}

function partType(kind: PartKind): string {
  if (kind === 'system') return GPT_TYPES.linux;
  return kind === 'data' ? GPT_TYPES.luks : GPT_TYPES[kind];
}

/** A UUID of version 8 (RFC 9562, 5.8): ours to choose. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ]
    .join('-')
    .toUpperCase();
}
