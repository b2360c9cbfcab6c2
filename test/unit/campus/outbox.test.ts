import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { httpError } from '../../../main/campus/faults.ts';
import type { CampusHttp } from '../../../main/campus/http.ts';
import { Outbox } from '../../../main/campus/outbox.ts';
import { ReportSender } from '../../../main/campus/sender.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { DAY, testClock } from './support.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-outbox-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function open(
  options: { path?: string; limit?: number; clock?: ReturnType<typeof testClock> } = {},
) {
  return new Outbox({
    path: options.path ?? ':memory:',
    limit: options.limit ?? 100,
    days: 30,
    clock: options.clock ?? testClock(),
    log: silentLogger,
    onCount: () => {},
  });
}
const kinds = (outbox: Outbox) => outbox.peek(1000).map((report) => report.kind);

test('keeps order and keys across a restart', () => {
  const path = join(folder, 'restart.db');
  const first = open({ path });
  for (const kind of ['a', 'b', 'c']) first.add({ kind, body: { n: kind } });
  const kept = first.peek(10);
  first.close();
  const second = open({ path });
  expect(second.count).toBe(3);
  expect(second.peek(10)).toEqual(kept);
  expect(new Set(kept.map((report) => report.key)).size).toBe(3);
  second.close();
});

test('full: info goes first, then warnings, errors last; what went is counted', () => {
  const outbox = open({ limit: 3 });
  outbox.add({ kind: 'e1', level: 'error' });
  outbox.add({ kind: 'i1' });
  outbox.add({ kind: 'w1', level: 'warning' });
  outbox.add({ kind: 'i2' });
  expect(kinds(outbox)).toEqual(['e1', 'w1', 'i2']);
  outbox.add({ kind: 'e2', level: 'error' });
  outbox.add({ kind: 'e3', level: 'error' });
  expect(kinds(outbox)).toEqual(['e1', 'e2', 'e3']);
  outbox.add({ kind: 'i3' });
  expect(kinds(outbox)).toEqual(['e1', 'e2', 'e3']);
  expect(outbox.dropped).toBe(4);
  outbox.close();
});

test('old reports are discarded and counted', () => {
  const clock = testClock();
  const outbox = open({ clock });
  outbox.add({ kind: 'old' });
  clock.time += 31 * DAY;
  outbox.add({ kind: 'new' });
  expect(kinds(outbox)).toEqual(['new']);
  expect(outbox.dropped).toBe(1);
  outbox.close();
});

test('a body above 16 KiB is replaced, the report stays', () => {
  const outbox = open();
  outbox.add({ kind: 'big', body: { text: 'x'.repeat(20_000) } });
  expect(outbox.peek(1)[0]?.body).toEqual({ tooLarge: 20_011 });
  outbox.close();
});

test('a database that is gone loses the report and nothing else', () => {
  const outbox = open();
  outbox.close();
  expect(() => outbox.add({ kind: 'late' })).not.toThrow();
});

type Sent = { dropped: number; reports: { kind: string }[] };
const isSent = (json: unknown): json is Sent =>
  typeof json === 'object' && json !== null && 'reports' in json;

function sender(outbox: Outbox, answer: (sent: Sent) => number) {
  const http: Pick<CampusHttp, 'post'> = {
    async post(_url, { json }) {
      if (!isSent(json)) throw new Error('not reports');
      const status = answer(json);
      const url = new URL('http://campus/r');
      if (status !== 204) throw httpError(url, status);
      return { status, headers: {}, body: new Uint8Array(), url };
    },
  };
  return new ReportSender({
    http,
    outbox,
    kioskId: 'k',
    endpoint: () => 'r',
    log: silentLogger,
  });
}
const never = new AbortController().signal;

test('a report that the campus refuses for its content does not block the others', async () => {
  const outbox = open({ limit: 1000 });
  for (let i = 0; i < 250; i++) outbox.add({ kind: i === 137 ? 'poison' : `r${i}` });
  const arrived: string[] = [];
  let told = 0;
  await sender(outbox, ({ reports, dropped }) => {
    if (reports.some((report) => report.kind === 'poison')) return 422;
    told += dropped;
    arrived.push(...reports.map((report) => report.kind));
    return 204;
  }).send(never);
  expect(arrived).toEqual(
    Array.from({ length: 250 }, (_, i) => `r${i}`).filter((kind) => kind !== 'r137'),
  );
  expect([outbox.count, told]).toEqual([0, 1]);
  outbox.close();
});

test('every other failure keeps everything', async () => {
  const outbox = open();
  outbox.add({ kind: 'a' });
  for (const status of [401, 404, 500]) {
    await sender(outbox, () => status).send(never);
    expect(outbox.count).toBe(1);
  }
  await sender(outbox, () => {
    throw new KioskError('CAMPUS_UNREACHABLE', 'away');
  }).send(never);
  outbox.close();
});

test('without an endpoint nothing is sent and everything is kept', async () => {
  const outbox = open();
  outbox.add({ kind: 'a' });
  let asked = 0;
  const http: Pick<CampusHttp, 'post'> = {
    post() {
      asked++;
      return Promise.reject(new Error('asked'));
    },
  };
  const log = silentLogger;
  const idle = new ReportSender({ http, outbox, kioskId: 'k', endpoint: () => undefined, log });
  await idle.send(never);
  expect([asked, outbox.count]).toEqual([0, 1]);
  outbox.close();
});

test('what was dropped is told once', async () => {
  const outbox = open({ limit: 1 });
  for (const kind of ['a', 'b', 'c']) outbox.add({ kind });
  const told: number[] = [];
  const work = sender(outbox, ({ dropped }) => {
    told.push(dropped);
    return 204;
  });
  await work.send(never);
  outbox.add({ kind: 'd' });
  await work.send(never);
  expect(told).toEqual([2, 0]);
  outbox.close();
});
