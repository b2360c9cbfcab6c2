import { expect, test } from 'vitest';
import { silentLogger } from '../../../main/log/logger.ts';
import { checkCertificate } from '../../../main/sessions/certificate.ts';
import { openPinStore } from '../../../main/sessions/pins.ts';
import { unasked } from '../../support/questions.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const store = () => openPinStore({ path: ':memory:', now: () => 1, log: silentLogger });
const host = { host: 'Desk.example', port: 3389, load: 0 };

test('the first certificate of a place stays, whatever the case of its name', () => {
  const pins = store();
  expect(pins.get('desk', 1)).toBeUndefined();
  pins.keep('Desk', 1, A);
  pins.keep('desk', 1, B);
  expect(pins.get('DESK', 1)).toBe(A);
  expect(pins.get('desk', 2)).toBeUndefined();
  pins.close();
});

test('what is forgotten counts as met first again; the rest stays', () => {
  const pins = store();
  pins.keep('Desk', 1, A);
  pins.keep('desk', 2, A);
  pins.keep('almond', 9, B);
  expect(pins.list()).toEqual([
    { host: 'almond', port: 9, fingerprint: B, firstSeenAt: 1 },
    { host: 'desk', port: 1, fingerprint: A, firstSeenAt: 1 },
    { host: 'desk', port: 2, fingerprint: A, firstSeenAt: 1 },
  ]);
  pins.forget('DESK', 1);
  pins.forget('nobody', 1);
  expect(pins.list().map(({ host, port }) => `${host}:${port}`)).toEqual(['almond:9', 'desk:2']);
  pins.keep('desk', 1, B);
  expect(pins.get('desk', 1)).toBe(B);
  pins.close();
});

test('pins outrank the authority, and the authority what was met first', async () => {
  const pins = store();
  const judge = async (fingerprint: string, trusted: boolean, believed: object) => {
    try {
      const certificate = { pins: [], trustFirst: false, ...believed };
      await checkCertificate(host, { fingerprint, trusted }, certificate, { pins, ask: unasked });
      return 'believed';
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error;
    }
  };
  expect(await judge(A, true, { pins: [B] })).toBe('REMOTE_CERTIFICATE_CHANGED');
  expect(await judge(B, false, { pins: [A, B] })).toBe('believed');
  expect(await judge(A, true, {})).toBe('believed');
  expect(await judge(A, false, {})).toBe('REMOTE_CERTIFICATE');
  expect(pins.get(host.host, host.port)).toBeUndefined();
  expect(await judge(A, false, { trustFirst: 'confirm' })).toBe('CANCELLED');
  expect(pins.get(host.host, host.port)).toBeUndefined();
  expect(await judge(A, false, { trustFirst: true })).toBe('believed');
  expect(await judge(A, false, { trustFirst: true })).toBe('believed');
  expect(await judge(B, false, { trustFirst: true })).toBe('REMOTE_CERTIFICATE_CHANGED');
  expect(await judge(A, false, {})).toBe('REMOTE_CERTIFICATE');
  pins.close();
});
