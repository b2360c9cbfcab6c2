/** How a kiosk is known: towards the campus (id), to people (name), and as a seat (addresses). */
import { createHash } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { linkTarget, list, readText } from './sysfs.ts';

export interface Identity {
  /** The same at each start of this computer, from the network or from disk. */
  readonly id: string;
  readonly hostname: string;
  /** Of network cards, in lower case. */
  readonly macs: readonly string[];
}

/** Makes ids of ours useless for recognising the computer elsewhere. */
const SALT = 'vestibule kiosk id 1';

/**
 * The id is a hash of the first built-in network card's address: it survives a new disk and a
 * start from the network, where the machine id is made up at each boot, and it differs between
 * cloned disks, where the machine id does not. Without a card: the machine id, then the host name.
 *
 * @param root where /sys and /etc are, for tests
 */
export async function readIdentity(root = ''): Promise<Identity> {
  const net = `${root}/sys/class/net`;
  const cards: { mac: string; path: string; usb: boolean }[] = [];
  for (const name of await list(net)) {
    const path = (await linkTarget(`${net}/${name}`)) ?? '';
    const mac = (await readText(`${net}/${name}/address`))?.toLowerCase();
    // Bridges, VPNs and containers' ends have no device behind them.
    if (mac === undefined || path === '' || path.includes('/virtual/')) continue;
    if (!/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) || mac === '00:00:00:00:00:00') continue;
    cards.push({ mac, path, usb: path.includes('/usb') });
  }
  // Built in before plugged in; the order of the slots does not change between starts.
  cards.sort((a, b) => Number(a.usb) - Number(b.usb) || (a.path < b.path ? -1 : 1));
  const source = cards[0]?.mac ?? (await readText(`${root}/etc/machine-id`)) ?? hostname();
  return {
    id: `kiosk-${createHash('sha256').update(`${SALT}\0${source}`).digest('hex').slice(0, 16)}`,
    hostname: hostname(),
    macs: cards.map(({ mac }) => mac),
  };
}

/** Addresses that others may see, without prefix length; read again at each use, for they change. */
export function readAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
}

/** IPv4 networks that this computer is in, as `10.2.4.7/24`; read again at each use. */
export function readNetworks(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ internal, family, cidr }) =>
      internal || family !== 'IPv4' || cidr === null ? [] : [cidr],
    );
}
