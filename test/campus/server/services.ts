/** The optional services of the campus protocol (docs/campus-protocol.md), kept in memory. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { DemoPerson } from './people.ts';
import { installRoom, type LiveKiosk } from './room.ts';

const LoginBody = z.object({
  name: z.string().max(256),
  secret: z.string().max(1024),
  kiosk: z.string().max(256),
  room: z.string().max(128).nullable(),
});
const Reports = z.object({
  kiosk: z.string().max(256),
  dropped: z.int().min(0),
  reports: z
    .array(
      z.object({
        key: z.uuid(),
        kind: z.string(),
        level: z.enum(['info', 'warning', 'error']),
        at: z.int(),
        body: z.record(z.string(), z.json()),
      }),
    )
    .max(1000),
});
export type ReceivedReport = z.infer<typeof Reports>['reports'][number] & {
  readonly kiosk: string;
};
const Acknowledgements = z.object({
  kiosk: z.string().max(256),
  acknowledgements: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['started', 'done', 'failed', 'expired']),
      error: z.string().nullable(),
    }),
  ),
});
export type Acknowledgement = z.infer<typeof Acknowledgements>['acknowledgements'][number] & {
  readonly kiosk: string;
};

/** Wrong tries after which an account is locked, and for how long. */
const MAX_TRIES = 5;
const LOCK_MS = 30_000;
const HEARTBEAT_MS = 10_000;

export interface ServicesState {
  readonly people: readonly DemoPerson[];
  /** Each report once, whatever was repeated. */
  readonly reports: Map<string, ReceivedReport>;
  /** Requests to the reports service, repetitions included. */
  reportRequests: number;
  /** What kiosks said that they had to drop. */
  dropped: number;
  readonly orders: Record<string, unknown>[];
  readonly acknowledgements: Acknowledgement[];
  /** Personal catalogues by person id; others get 404. */
  readonly personal: Map<string, readonly string[]>;
  readonly listeners: Set<FastifyReply>;
  /** What kiosks are doing, by their id. */
  readonly live: Map<string, LiveKiosk>;
  /** Reports are added to it, one JSON object a line, for `scripts/campus-send.ts`. */
  readonly reportsFile: string | undefined;
}

export function newServicesState(
  people: readonly DemoPerson[],
  reportsFile?: string,
): ServicesState {
  return {
    people,
    reports: new Map(),
    reportRequests: 0,
    dropped: 0,
    orders: [],
    acknowledgements: [],
    personal: new Map(),
    listeners: new Set(),
    live: new Map(),
    reportsFile,
  };
}

export function installServices(app: FastifyInstance, state: ServicesState): void {
  installLogin(app, state);
  installRoom(app, state.live);

  app.post('/api/reports', async (request, reply) => {
    state.reportRequests++;
    const body = Reports.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ error: 'not a list of reports' });
    const { kiosk, dropped, reports } = body.data;
    state.dropped += dropped;
    for (const report of reports) {
      if (state.reports.has(report.key)) continue;
      state.reports.set(report.key, { ...report, kiosk });
      // Before the answer: what is acknowledged is on the disk.
      if (state.reportsFile !== undefined) {
        await appendFile(state.reportsFile, `${JSON.stringify({ kiosk, ...report })}\n`);
      }
    }
    return reply.code(204).send();
  });

  app.get('/api/jobs', async () => ({ orders: state.orders }));
  app.post('/api/jobs', async (request, reply) => {
    const body = Acknowledgements.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ error: 'not acknowledgements' });
    const { kiosk, acknowledgements } = body.data;
    state.acknowledgements.push(...acknowledgements.map((one) => ({ ...one, kiosk })));
    return reply.code(204).send();
  });

  app.get('/api/events', (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    reply.raw.write(': hello\n\n');
    state.listeners.add(reply);
    const heartbeat = setInterval(() => reply.raw.write(': alive\n\n'), HEARTBEAT_MS);
    request.raw.once('close', () => {
      clearInterval(heartbeat);
      state.listeners.delete(reply);
    });
  });
}

function installLogin(app: FastifyInstance, state: ServicesState): void {
  const tokens = new Map<string, string>();
  const tries = new Map<string, { count: number; until: number }>();

  app.post('/api/login', async (request, reply) => {
    const body = LoginBody.safeParse(request.body);
    if (!body.success) return reply.code(400).send({ error: 'not a sign-in' });
    const { name, secret } = body.data;
    const record = tries.get(name) ?? { count: 0, until: 0 };
    if (record.until > Date.now()) {
      const seconds = Math.ceil((record.until - Date.now()) / 1000);
      return reply.code(429).header('retry-after', seconds).send({ error: 'locked' });
    }
    const person = state.people.find((candidate) => candidate.name === name);
    if (person === undefined || !equal(person.secret, secret)) {
      record.count++;
      if (record.count >= MAX_TRIES) {
        record.count = 0;
        record.until = Date.now() + LOCK_MS;
      }
      tries.set(name, record);
      return reply.code(401).send({ error: 'wrong name or password' });
    }
    tries.delete(name);
    const token = randomBytes(24).toString('base64url');
    tokens.set(token, person.name);
    return {
      person: { id: person.name, name: person.fullName, groups: person.groups },
      offline: true,
      token,
    };
  });

  app.get('/api/catalogue', async (request, reply) => {
    const person = tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (person === undefined) return reply.code(401).send({ error: 'sign in first' });
    const entries = state.personal.get(person);
    return entries === undefined ? reply.code(404).send({ error: 'none' }) : { entries };
  });
}

/** Sends an event to every kiosk that listens. */
export function pushEvent(state: ServicesState, event: string, data: string): void {
  for (const { raw } of state.listeners) raw.write(`event: ${event}\ndata: ${data}\n\n`);
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
