/**
 * Which server of the campus is asked, in which order: priorities and weights as for DNS SRV
 * records (RFC 2782), the one that worked last first, those that just failed last.
 */
import type { Clock } from '../base/clock.ts';
import type { CampusServer } from './api.ts';

export interface Server {
  /** The folder of `manifest.json`, with a final slash. */
  readonly base: URL;
  readonly priority: number;
  readonly weight: number;
}

/** How long a server of a worse priority is kept before the better ones are tried again. */
const STICKY_MS = 10 * 60_000;
/** How long a server that failed is asked only after all others. */
const AVOID_MS = 30_000;

/** @throws TypeError where the URL is none */
function serverOf({ url, priority = 0, weight = 1 }: CampusServer): Server {
  const base = new URL(url);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  base.search = '';
  base.hash = '';
  return { base, priority, weight };
}

/**
 * RFC 2782: ascending priority; within one, each next server is drawn with a probability
 * proportional to its weight, those of weight 0 with a very small one.
 */
export function selectionOrder(servers: readonly Server[], random: () => number): Server[] {
  const order: Server[] = [];
  const priorities = [...new Set(servers.map((server) => server.priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    const pool = servers
      .filter((server) => server.priority === priority)
      .sort((a, b) => Number(a.weight !== 0) - Number(b.weight !== 0));
    while (pool.length > 0) {
      const total = pool.reduce((sum, server) => sum + server.weight, 0);
      const mark = Math.floor(random() * (total + 1));
      let sum = 0;
      const found = pool.findIndex((server) => {
        sum += server.weight;
        return sum >= mark;
      });
      order.push(...pool.splice(Math.max(0, found), 1));
    }
  }
  return order;
}

export class ServerList {
  readonly #configured: readonly Server[];
  readonly #clock: Clock;
  readonly #random: () => number;
  #servers: readonly Server[];
  #preferred: { readonly href: string; readonly since: number } | null = null;
  readonly #failedAt = new Map<string, number>();

  constructor(options: {
    readonly configured: readonly CampusServer[];
    readonly clock: Clock;
    readonly random: () => number;
  }) {
    this.#configured = options.configured.map(serverOf);
    this.#clock = options.clock;
    this.#random = options.random;
    this.#servers = this.#configured;
  }

  /** The configured servers stay, as the way in; what the signed manifest says of one wins. */
  setAnnounced(announced: readonly CampusServer[]): void {
    const byHref = new Map<string, Server>();
    for (const server of [...this.#configured, ...announced.map(serverOf)])
      byHref.set(server.base.href, server);
    this.#servers = [...byHref.values()];
  }

  /** All servers, in the order to try them now. */
  order(): Server[] {
    const now = this.#clock.now();
    const order = selectionOrder(this.#servers, this.#random);
    const rank = (server: Server): number => {
      const failed = this.#failedAt.get(server.base.href);
      if (failed !== undefined && now - failed < AVOID_MS && now >= failed) return 2;
      return server === this.#sticky(order, now) ? 0 : 1;
    };
    return order
      .map((server, index) => ({ server, index, rank: rank(server) }))
      .sort((a, b) => a.rank - b.rank || a.index - b.index)
      .map(({ server }) => server);
  }

  succeeded(server: Server): void {
    this.#failedAt.delete(server.base.href);
    const now = this.#clock.now();
    if (this.#preferred?.href !== server.base.href || now - this.#preferred.since >= STICKY_MS)
      this.#preferred = { href: server.base.href, since: now };
  }

  failed(server: Server): void {
    this.#failedAt.set(server.base.href, this.#clock.now());
    if (this.#preferred?.href === server.base.href) this.#preferred = null;
  }

  /** Whether a redirect may lead there. */
  includesOrigin(origin: string): boolean {
    return this.#servers.some((server) => server.base.origin === origin);
  }

  #sticky(order: readonly Server[], now: number): Server | undefined {
    const preferred = order.find((server) => server.base.href === this.#preferred?.href);
    if (preferred === undefined || this.#preferred === null) return undefined;
    const best = order[0]?.priority === preferred.priority;
    return best || now - this.#preferred.since < STICKY_MS ? preferred : undefined;
  }
}
