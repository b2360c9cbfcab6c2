import { afterAll, expect, test } from 'vitest';
import { Exchanger } from '../../../main/campus/exchange.ts';
import { codeOf } from './support.ts';

const exchanger = new Exchanger({
  limits: { connectMs: 5_000, responseMs: 5_000, minBytesPerSecond: 1, rateWindowMs: 5_000 },
  userAgent: 'test',
  allowPlainServices: false,
  mayRedirectTo: () => false,
});
afterAll(() => exchanger.close());

const open = (url: string) => () =>
  exchanger.open({ method: 'POST', url: new URL(url), body: '{}', confidential: true });

// Port 1 is closed: a request that is let through finds nobody.
test.each([
  'http://127.0.0.1:1/',
  'http://127.9.9.9:1/',
  'http://localhost:1/',
  'http://2130706433:1/',
])('a secret may go to this computer: %s', async (url) => {
  expect(await codeOf(open(url))).toBe('CAMPUS_UNREACHABLE');
});

test.each([
  'http://campus.example/',
  'http://127.0.0.1.campus.example/',
  'http://localhost.campus.example/',
  'http://notlocalhost/',
  'http://0.0.0.0:1/',
  'http://[::ffff:10.0.0.1]:1/',
])('and to no other without TLS: %s', async (url) => {
  expect(await codeOf(open(url))).toBe('CAMPUS_CERTIFICATE');
});

test('a method that the client has no use for', async () => {
  const url = new URL('http://127.0.0.1:1/');
  await expect(exchanger.open({ method: 'CONNECT', url })).rejects.toThrow('CONNECT');
});
