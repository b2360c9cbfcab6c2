/** Names and numbers of a machine that follow from who it is: the same each time it starts. */
import type { MachineDescription } from './description.ts';
import { digest } from './storage.ts';

/** A UUID from a seed (RFC 9562, version 8: the bits are ours). */
export function machineUuid(seed: string): string {
  const hex = digest(`uuid\0${seed}`, 32);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

/** Locally administered, in QEMU's usual prefix; the same card has the same address in each session. */
export function cardAddress(seed: string, index: number): string {
  const hex = digest(`mac\0${seed}\0${index}`, 6);
  return `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

/** The name of a private network, undefined for other kinds. */
export function groupName(
  type: MachineDescription['networks'][number]['type'],
): string | undefined {
  return type.startsWith('group:') ? type.slice('group:'.length) : undefined;
}
