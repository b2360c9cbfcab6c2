import { expect, test } from 'vitest';
import { DeferredLogger } from '../../../main/log/deferred.ts';
import { createLog } from '../../../main/log/log.ts';

test('lines from before the log exists arrive in order, with their scope', () => {
  const early = new DeferredLogger();
  const scoped = early.scope('shell');
  scoped.warn('first', { pid: 1 });
  early.info('second');
  const log = createLog({ level: 'debug', destination: { type: 'none' } });
  early.connect(log);
  scoped.error('third');
  expect(log.read().map(({ scope, level, message }) => [scope, level, message])).toEqual([
    ['shell', 'warn', 'first'],
    [expect.any(String), 'info', 'second'],
    ['shell', 'error', 'third'],
  ]);
});
