import { expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { chooseHost } from '../../../main/sessions/rdp/choose-host.ts';
import { endFailure, startFailure } from '../../../main/sessions/rdp/exit-codes.ts';
import type { ProbeAnswer } from '../../../main/sessions/rdp/probe.ts';

const answer: ProbeAnswer = { protocol: 'nla', certificate: undefined };
const host = (name: string, load = 0) => ({ host: name, port: 3389, load });

test('the least loaded first, equal ones by lot', async () => {
  const asked: string[] = [];
  const lots = [0.9, 0.5, 0.1];
  const chosen = await chooseHost(
    [host('busy', 0.8), host('b', 0.2), host('c', 0.2)],
    async ({ host: name }) => {
      asked.push(name);
      if (name !== 'busy') throw new KioskError('REMOTE_REFUSED', 'No.');
      return answer;
    },
    () => lots.shift() ?? 0,
    silentLogger,
  );
  expect(asked).toEqual(['c', 'b', 'busy']);
  expect(chosen).toMatchObject({ host: { host: 'busy' }, protocol: 'nla' });
});

test('a failure of trust ends the search; where none answers, the first reason counts', async () => {
  const failing = (codes: Record<string, KioskError['code']>) =>
    chooseHost(
      [host('a', 0.1), host('b', 0.2)],
      async ({ host: name }) => {
        const code = codes[name];
        if (code === undefined) return answer;
        throw new KioskError(code, name);
      },
      () => 0,
      silentLogger,
    );
  await expect(failing({ a: 'REMOTE_CERTIFICATE' })).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE',
  });
  await expect(
    failing({ a: 'REMOTE_REFUSED', b: 'REMOTE_NEGOTIATION_FAILED' }),
  ).rejects.toMatchObject({ code: 'REMOTE_REFUSED', message: 'a' });
});

test('exit codes of FreeRDP 2 and 3', () => {
  expect(startFailure(147, 'nla')).toBe('REMOTE_CREDENTIALS_WRONG');
  expect(startFailure(147, 'tls')).toBe('REMOTE_REFUSED');
  expect(startFailure(132, 'nla')).toBe('REMOTE_CREDENTIALS_WRONG');
  expect(startFailure(133, 'tls')).toBe('REMOTE_NEGOTIATION_FAILED');
  expect(startFailure(143, 'tls')).toBe('REMOTE_CERTIFICATE_CHANGED');
  expect(startFailure(null, 'tls')).toBe('REMOTE_REFUSED');
  expect([0, 1, 2, 11, 12].map(endFailure)).toEqual(Array(5).fill(undefined));
  expect([3, 5, 131, 147, null].map(endFailure)).toEqual([
    'SESSION_TIMEOUT',
    'REMOTE_LOST',
    'REMOTE_LOST',
    'REMOTE_LOST',
    'REMOTE_LOST',
  ]);
});
