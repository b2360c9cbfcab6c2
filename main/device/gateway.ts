/** The way out of the room: which router, and whether it answers, without a privileged ping. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { errno } from '../base/errors.ts';
import { readText } from './sysfs.ts';

export interface Gateway {
  readonly address: string;
  readonly device: string;
}

/** RTF_UP and RTF_GATEWAY of linux/route.h. */
const UP = 0x1;
const VIA_GATEWAY = 0x2;
/** ATF_COM of net/if_arp.h: the entry is complete. */
const COMPLETE = 0x2;

/** The default route of least metric in /proc/net/route: addresses are hex in host byte order. */
export function parseIpv4Routes(text: string): Gateway | undefined {
  let best: (Gateway & { metric: number }) | undefined;
  for (const line of text.split('\n').slice(1)) {
    const [device, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (device === undefined || gateway === undefined || flags === undefined) continue;
    const bits = Number.parseInt(flags, 16);
    if (destination !== '00000000' || mask !== '00000000') continue;
    if ((bits & UP) === 0 || (bits & VIA_GATEWAY) === 0) continue;
    if (best && best.metric <= Number(metric)) continue;
    const address = [...Buffer.from(gateway, 'hex')].reverse().join('.');
    best = { address, device, metric: Number(metric) };
  }
  return best && { address: best.address, device: best.device };
}

/** The default route of least metric in /proc/net/ipv6_route. */
export function parseIpv6Routes(text: string): Gateway | undefined {
  let best: (Gateway & { metric: number }) | undefined;
  for (const line of text.split('\n')) {
    const [destination, prefix, , , hop, metric, , , flags, device] = line.trim().split(/\s+/);
    if (device === undefined || hop === undefined || flags === undefined) continue;
    if (!/^0{32}$/.test(destination ?? '') || prefix !== '00' || /^0{32}$/.test(hop)) continue;
    const bits = Number.parseInt(flags, 16);
    if ((bits & UP) === 0 || (bits & VIA_GATEWAY) === 0) continue;
    const value = Number.parseInt(metric ?? '', 16);
    if (best && best.metric <= value) continue;
    const groups = hop.match(/.{4}/g) ?? [];
    const address = groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
    best = { address, device, metric: value };
  }
  return best && { address: best.address, device: best.device };
}

/** The hardware address that answered for an IPv4 address, in /proc/net/arp. */
export function parseArp(text: string, address: string): string | undefined {
  for (const line of text.split('\n').slice(1)) {
    const [ip, , flags, mac] = line.trim().split(/\s+/);
    if (ip !== address || mac === undefined || mac === '00:00:00:00:00:00') continue;
    if ((Number(flags) & COMPLETE) !== 0) return mac;
  }
  return undefined;
}

/** The default route in use, IPv4 before IPv6; undefined where there is none. */
export async function readGateway(): Promise<Gateway | undefined> {
  return (
    parseIpv4Routes((await readText('/proc/net/route')) ?? '') ??
    parseIpv6Routes((await readText('/proc/net/ipv6_route')) ?? '')
  );
}

/**
 * Whether the router is there. IPv4: a datagram makes the kernel ask for its hardware address,
 * and routers answer that whatever their firewall. IPv6: any answer to a TCP connection, a
 * refusal too.
 *
 * @returns what was seen, or undefined where nothing answered until the signal
 */
export async function askGateway(
  { address, device }: Gateway,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (address.includes(':')) {
    const scoped = address.startsWith('fe80') ? `${address}%${device}` : address;
    return (await answersTcp(scoped, signal)) ? 'answers' : undefined;
  }
  await nudge(address);
  while (!signal.aborted) {
    const mac = parseArp((await readText('/proc/net/arp')) ?? '', address);
    if (mac !== undefined) return `answers as ${mac}`;
    await delay(50, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** Port 9 (discard, RFC 863): nobody acts on it. */
function nudge(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (): void => {
      socket.removeAllListeners('error');
      socket.on('error', () => {});
      socket.close(() => resolve());
    };
    socket.once('error', done);
    socket.send(Buffer.alloc(1), 9, address, done);
  });
}

function answersTcp(host: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 53 });
    const done = (answered: boolean): void => {
      signal.removeEventListener('abort', late);
      socket.destroy();
      resolve(answered);
    };
    const late = (): void => done(false);
    signal.addEventListener('abort', late, { once: true });
    socket.once('connect', () => done(true));
    socket.once('error', (error) => done(errno(error) === 'ECONNREFUSED'));
  });
}
