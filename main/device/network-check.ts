/**
 * Where the network fails: each check needs the ones before it, so the first that fails is the
 * place to look.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { NetworkCheck } from '../../preload/contract/model.ts';
import { askGateway, readGateway } from './gateway.ts';
import { list, readText } from './sysfs.ts';

type Check = NetworkCheck['checks'][number];
type CheckId = Check['id'];
type Outcome = Pick<Check, 'result' | 'detail'>;

export interface CampusProbe {
  /** Base URLs of the campus's servers, in the order to try. */
  readonly servers: () => readonly string[];
  /**
   * Asks one server for anything, past every cache.
   * @returns the status, and the `Date` header where there is one
   * @throws where there is no answer
   */
  ask(server: string, signal: AbortSignal): Promise<{ status: number; date: string | undefined }>;
}

export interface NetworkCheckOptions {
  readonly campus: CampusProbe;
  /** What each check may take. Default 4 000 ms. */
  readonly timeoutMs?: number;
  /** Milliseconds since the epoch; default the computer's clock. */
  readonly now?: () => number;
  /** How each is found out; tests replace some. */
  readonly probes?: Partial<Probes>;
}

export interface Probes {
  /** Names of interfaces with a cable or radio link. */
  links(): Promise<string[]>;
  /** Addresses other than loopback and link-local. */
  addresses(): Promise<string[]>;
  gateway: typeof readGateway;
  askGateway: typeof askGateway;
  /** Addresses of a host name. */
  resolve(host: string): Promise<string[]>;
}

/** Certificates and signatures are judged by the clock; servers' answers take a moment. */
const CLOCK_TOLERANCE_MS = 120_000;

/** Never rejects. */
export async function checkNetwork(options: NetworkCheckOptions): Promise<NetworkCheck> {
  const { campus, timeoutMs = 4_000, now = Date.now } = options;
  const probes: Probes = { ...PROBES, ...options.probes };
  const servers = campus.servers();
  const host = hostOf(servers[0]);
  const checks: Check[] = [];
  /** The `Date` of the campus's answer, and when it came. */
  let campusTime: { readonly theirs: number; readonly ours: number } | undefined;

  const passed = (id: CheckId): boolean =>
    checks.some((check) => check.id === id && check.result === 'ok');
  const failed = (id: CheckId): boolean =>
    checks.some((check) => check.id === id && check.result === 'failed');

  async function run(
    id: CheckId,
    skip: string | undefined,
    probe: (signal: AbortSignal) => Promise<Outcome>,
  ): Promise<void> {
    if (skip !== undefined) {
      checks.push({ id, result: 'skipped', detail: skip, milliseconds: 0 });
      return;
    }
    const start = performance.now();
    const outcome = await inTime(probe, timeoutMs);
    checks.push({ id, ...outcome, milliseconds: Math.round(performance.now() - start) });
  }

  await run('link', undefined, async () => {
    const links = await probes.links();
    return links.length > 0
      ? ok(links.join(', '))
      : bad('No network card has a link: is the cable plugged in, at both ends?');
  });
  await run('address', passed('link') ? undefined : 'There is no link.', async () => {
    const addresses = await probes.addresses();
    return addresses.length > 0
      ? ok(addresses.join(', '))
      : bad('There is no address: does the DHCP server answer?');
  });
  const noAddress = passed('address') ? undefined : 'There is no address.';
  await run('gateway', noAddress, async (signal) => {
    const gateway = await probes.gateway();
    // A room whose campus stands in the same network needs none.
    if (!gateway) return { result: 'skipped', detail: 'There is no default route.' };
    const name = `${gateway.address} on ${gateway.device}`;
    const seen = await probes.askGateway(gateway, signal);
    return seen === undefined ? bad(`${name} does not answer.`) : ok(`${name} ${seen}`);
  });
  await run('dns', noAddress ?? dnsNeedless(host), async () => {
    const addresses = await probes.resolve(host ?? '');
    return ok(`${host} is ${addresses.join(', ')}`);
  });
  const noName = failed('dns') ? `${host} cannot be resolved.` : undefined;
  const noServer = servers.length === 0 ? 'No campus is set: campus.servers is empty.' : undefined;
  await run('campus', noAddress ?? noServer ?? noName, async (signal) => {
    const refusals: string[] = [];
    for (const server of servers) {
      try {
        const { status, date } = await campus.ask(server, signal);
        const theirs = date === undefined ? Number.NaN : Date.parse(date);
        if (!Number.isNaN(theirs)) campusTime = { theirs, ours: now() };
        if (status < 500) return ok(`${server} answers with ${status}`);
        refusals.push(`${server} answers with ${status}`);
      } catch (error) {
        refusals.push(`${server}: ${said(error)}`);
      }
      if (signal.aborted) break;
    }
    return bad(refusals.join('; '));
  });
  await run(
    'clock',
    campusTime ? undefined : 'The campus did not say what time it is.',
    async () => {
      if (!campusTime) return bad('');
      const difference = campusTime.ours - campusTime.theirs;
      const seconds = Math.round(Math.abs(difference) / 1000);
      if (Math.abs(difference) <= CLOCK_TOLERANCE_MS)
        return ok(`within ${seconds} s of the campus`);
      return bad(
        `The clock is ${seconds} s ${difference > 0 ? 'ahead of' : 'behind'} the campus: certificates may be refused.`,
      );
    },
  );
  return { checks };
}

const PROBES: Probes = {
  async links() {
    const names: string[] = [];
    for (const name of await list('/sys/class/net')) {
      if (name === 'lo' || (await readText(`/sys/class/net/${name}/carrier`)) !== '1') continue;
      names.push(name);
    }
    return names;
  },
  async addresses() {
    return Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, address }) => !internal && !/^(?:fe80:|169\.254\.)/.test(address))
      .map(({ address }) => address);
  },
  gateway: readGateway,
  askGateway,
  async resolve(host) {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  },
};

async function inTime(
  probe: (signal: AbortSignal) => Promise<Outcome>,
  milliseconds: number,
): Promise<Outcome> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => {
      // Told first: a probe that heeds the signal says more than that it was late.
      abort.abort();
      setTimeout(() => resolve(bad(`No answer within ${milliseconds / 1000} s.`)), 100);
    }, milliseconds);
  });
  try {
    return await Promise.race([probe(abort.signal).catch((error) => bad(said(error))), late]);
  } finally {
    clearTimeout(timer);
  }
}

function ok(detail: string): Outcome {
  return { result: 'ok', detail };
}

function bad(detail: string): Outcome {
  return { result: 'failed', detail };
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The host name or address of a URL, without brackets; undefined without a URL. */
function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url)
    ? new URL(url).hostname.replace(/^\[|\]$/g, '')
    : undefined;
}

function dnsNeedless(host: string | undefined): string | undefined {
  if (host === undefined) return 'No campus is set: there is no name to look up.';
  return isIP(host) ? 'The campus is given by its address.' : undefined;
}
