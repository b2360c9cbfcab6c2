/**
 * A whole campus on one port: a folder of static files and, unless it is told not to, the
 * optional services. Used by `npm start`, by development and by tests, which break it on purpose.
 */
import fastifyStatic from '@fastify/static';
import fastify from 'fastify';
import { type Fault, type FaultState, installFaults } from './faults.ts';
import { type Certificate, Front } from './front.ts';
import { DEMO_PEOPLE, type DemoPerson } from './people.ts';
import type { LiveKiosk } from './room.ts';
import {
  type Acknowledgement,
  installServices,
  newServicesState,
  pushEvent,
  type ReceivedReport,
} from './services.ts';

export interface CampusServerOptions {
  /** Served as it is: `manifest.json`, `manifest.json.sig`, `ui/`, `images/`, … Must exist. */
  readonly folder: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** False: a plain static web server, nothing more. Default true. */
  readonly services?: boolean;
  readonly tls?: Certificate;
  readonly people?: readonly DemoPerson[];
  /** Reports are added to this file, one JSON object a line. Default: kept in memory only. */
  readonly reportsFile?: string;
}

export interface CampusServer {
  /** Base URL, with a final slash. */
  readonly url: string;
  readonly port: number;
  /** Reports by their key, each once. */
  readonly reports: ReadonlyMap<string, ReceivedReport>;
  readonly acknowledgements: readonly Acknowledgement[];
  /** What kiosks said last of what they are doing, by their id. */
  readonly live: ReadonlyMap<string, LiveKiosk>;
  /** Requests so far, by `METHOD /path`. */
  readonly requests: ReadonlyMap<string, number>;
  /** How many kiosks listen for events. */
  readonly listening: number;
  /** Bytes that the `huge` fault has produced. */
  readonly hugeBytesSent: number;
  /** Answers that the present fault has hit. */
  readonly faultHits: number;
  setFault(fault: Fault | null): void;
  /** Cuts the campus off: `refuse` closes the port and all connections, `hang` answers nobody. */
  pause(mode?: 'refuse' | 'hang'): Promise<void>;
  /** Back on the same address. */
  resume(): Promise<void>;
  /** Tells listening kiosks that something changed: `manifest`, `jobs` or `catalogue`. */
  push(event: 'manifest' | 'jobs' | 'catalogue', data?: string): void;
  /** Adds an order to the list that kiosks fetch. */
  order(order: {
    readonly id: string;
    readonly kind: string;
    readonly [key: string]: unknown;
  }): void;
  setPersonalCatalogue(personId: string, entries: readonly string[]): void;
  stop(): Promise<void>;
}

export async function startCampus(options: CampusServerOptions): Promise<CampusServer> {
  const { folder, port = 0, host = '127.0.0.1', services = true, people = DEMO_PEOPLE } = options;
  const app = fastify({ bodyLimit: 4 * 1024 * 1024, forceCloseConnections: true });
  const faults: FaultState = { fault: null, hits: 0, hugeBytesSent: 0 };
  const state = newServicesState(people, options.reportsFile);
  const requests = new Map<string, number>();
  let hanging = false;

  app.addHook('onRequest', async (request, reply) => {
    const key = `${request.method} ${new URL(request.url, 'http://campus').pathname}`;
    requests.set(key, (requests.get(key) ?? 0) + 1);
    if (hanging) reply.hijack();
  });
  installFaults(app, faults);
  if (services) installServices(app, state);
  await app.register(fastifyStatic, { root: folder, cacheControl: false, dotfiles: 'ignore' });
  await app.ready();
  const front = new Front({ behind: app.server, host, port, tls: options.tls });
  await front.open();

  return {
    get url() {
      return `${options.tls ? 'https' : 'http'}://${host}:${front.port}/`;
    },
    get port() {
      return front.port;
    },
    reports: state.reports,
    acknowledgements: state.acknowledgements,
    live: state.live,
    requests,
    get listening() {
      return state.listeners.size;
    },
    get hugeBytesSent() {
      return faults.hugeBytesSent;
    },
    get faultHits() {
      return faults.hits;
    },
    setFault(fault) {
      faults.fault = fault;
      faults.hits = 0;
    },
    async pause(mode = 'refuse') {
      if (mode === 'hang') hanging = true;
      else await front.close();
    },
    async resume() {
      // A server that comes back does not remember the connections that hang.
      if (hanging) await front.close();
      hanging = false;
      await front.open();
    },
    push: (event, data = '') => pushEvent(state, event, data),
    order(order) {
      state.orders.push(order);
    },
    setPersonalCatalogue(personId, entries) {
      state.personal.set(personId, entries);
    },
    async stop() {
      await front.close();
      await app.close();
    },
  };
}
