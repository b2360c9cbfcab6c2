import { networkInterfaces } from 'node:os';
import { KioskError } from '../../base/errors.ts';

export interface Interface {
  readonly name: string;
  /** IPv4. */
  readonly address: string;
  readonly broadcast: string;
}

/**
 * The interface on which multicast goes.
 * @param wanted by name; absent: the first that has an IPv4 address and is not the loopback
 * @throws KioskError `IMAGE_TRANSPORT_FAILED` where there is none
 */
export function findInterface(wanted?: string): Interface {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (wanted !== undefined && name !== wanted) continue;
    for (const { family, internal, address, netmask } of addresses ?? []) {
      if (family !== 'IPv4' || (internal && wanted === undefined)) continue;
      return { name, address, broadcast: broadcastOf(address, netmask) };
    }
  }
  throw new KioskError(
    'IMAGE_TRANSPORT_FAILED',
    wanted === undefined
      ? 'No network interface has an IPv4 address.'
      : `The interface ${wanted} has no IPv4 address.`,
  );
}

function broadcastOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  const host = address.split('.').map(Number);
  return host.map((byte, at) => byte | (~(mask[at] ?? 0) & 255)).join('.');
}
