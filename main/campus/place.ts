/** Which room and seat a computer is, from the manifest's rooms: pure. */
import ipaddr from 'ipaddr.js';
import type { Room } from '../base/manifest.ts';
import type { KioskFacts, Place } from './api.ts';

/**
 * The surest sign wins over all rooms: a MAC address, then a host name, then a subnet (the most
 * specific one). Host names are compared without regard to case, with and without their domain.
 * A room or seat from the settings wins over all signs.
 */
export function placeOf(rooms: readonly Room[], facts: KioskFacts): Place {
  const macs = new Set(facts.macs.map(normalMac));
  const names = new Set(hostNames(facts.hostname));
  const room =
    facts.room === undefined
      ? recognise(rooms, { macs, names, addresses: facts.addresses })
      : rooms.find(({ id }) => id === facts.room);
  if (room === undefined) return { room: null, seat: facts.seat ?? null };
  const seat = Object.entries(room.seats ?? {}).find(
    ([key]) => macs.has(normalMac(key)) || names.has(key.toLowerCase()),
  );
  return { room, seat: facts.seat ?? seat?.[1] ?? null };
}

function recognise(
  rooms: readonly Room[],
  signs: {
    readonly macs: ReadonlySet<string>;
    readonly names: ReadonlySet<string>;
    readonly addresses: readonly string[];
  },
): Room | undefined {
  return (
    rooms.find(({ match }) => match.macs?.some((mac) => signs.macs.has(normalMac(mac)))) ??
    rooms.find(({ match }) =>
      match.hostnames?.some((name) => signs.names.has(name.toLowerCase())),
    ) ??
    bySubnet(rooms, signs.addresses)
  );
}

function normalMac(mac: string): string {
  return mac.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
}

function hostNames(hostname: string): string[] {
  const whole = hostname.toLowerCase().replace(/\.$/, '');
  return [whole, whole.split('.')[0] ?? whole];
}

function bySubnet(rooms: readonly Room[], addresses: readonly string[]): Room | undefined {
  const parsed = addresses.flatMap((address) => {
    const bare = address.split('%')[0] ?? address;
    return ipaddr.isValid(bare) ? [ipaddr.process(bare)] : [];
  });
  let best: { room: Room; bits: number } | undefined;
  for (const room of rooms) {
    for (const subnet of room.match.subnets ?? []) {
      if (!ipaddr.isValidCIDR(subnet)) continue;
      const [network, bits] = ipaddr.parseCIDR(subnet);
      const inside = parsed.some(
        (address) => address.kind() === network.kind() && address.match([network, bits]),
      );
      if (inside && (best === undefined || bits > best.bits)) best = { room, bits };
    }
  }
  return best?.room;
}
