import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { createLog, type Log } from '../../../main/log/log.ts';
import { LogLine } from '../../../preload/contract/model.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-log-'));
  path = join(folder, 'logs', 'main.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fileLog(
  options: { maxBytes?: number; keep?: number; level?: 'debug' | 'info' } = {},
): Log {
  const { level = 'debug', ...rest } = options;
  return createLog({ level, destination: { type: 'file', path, ...rest } });
}

function written(): LogLine[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => LogLine.parse(JSON.parse(line)));
}

describe('lines', () => {
  test('each is one JSON object in the form of the contract, on disk at once', () => {
    const log = fileLog();
    log.scope('campus').warn('It said 100 %s\nand more.', { code: 'TIMEOUT', tries: 2 });
    expect(written()).toEqual(log.read());
    expect(written()).toMatchObject([
      {
        level: 'warn',
        scope: 'campus',
        message: 'It said 100 %s\nand more.',
        code: 'TIMEOUT',
        fields: { tries: 2 },
      },
    ]);
    log.close();
  });

  test('only the owner reads the file', () => {
    const log = fileLog();
    log.info('x');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    log.close();
  });

  test('the level changes at run time, in scopes made before too', () => {
    const log = fileLog({ level: 'info' });
    const scope = log.scope('images');
    scope.debug('unseen');
    log.setLevel('debug');
    scope.debug('seen');
    log.setLevel('error');
    scope.warn('unseen');
    expect(log.read().map((line) => line.message)).toEqual(['seen']);
    expect(written().map((line) => line.message)).toEqual(['seen']);
    log.close();
  });

  test('an error has its code, its details and the chain of its causes', () => {
    const log = fileLog();
    const disk = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const error = new KioskError('DISK_FULL', 'The disk is full.', {
      cause: disk,
      details: { free: 0 },
    });
    log.error('It failed.', { error });
    const [line] = written();
    expect(line?.code).toBe('DISK_FULL');
    expect(line?.fields.error).toMatchObject({
      name: 'KioskError',
      message: 'The disk is full.',
      code: 'DISK_FULL',
      details: { free: 0 },
      cause: { name: 'Error', message: 'no space', code: 'ENOSPC' },
    });
    expect(JSON.stringify(line)).toContain('log.test.ts');
    log.close();
  });

  test('whatever is logged becomes a line', () => {
    const log = createLog({ level: 'debug', destination: { type: 'none' } });
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const shared = { n: 1 };
    log.info('odd', {
      circular,
      twice: [shared, shared],
      big: 2n ** 70n,
      buffer: Buffer.from('abc'),
      map: new Map([['a', new Set([1])]]),
      when: new Date(0),
      never: new Date(Number.NaN),
      call: () => 1,
      nan: Number.NaN,
      missing: undefined,
      get broken(): string {
        throw new Error('no');
      },
      many: Array.from({ length: 1000 }, (_, index) => index),
      long: 'x'.repeat(100_000),
      ['__proto__']: 'own',
    });
    const [line] = log.read();
    expect(LogLine.safeParse(line).success).toBe(true);
    expect(line?.fields).toMatchObject({
      circular: { self: '[circular]' },
      twice: [{ n: 1 }, { n: 1 }],
      big: '1180591620717411303424',
      buffer: '[3 bytes]',
      map: { a: [1] },
      when: '1970-01-01T00:00:00.000Z',
      never: '[bad date]',
      call: '[function]',
      nan: 'NaN',
      broken: '[unreadable]',
    });
    expect(line?.fields).not.toHaveProperty('missing');
    expect(line?.fields.many).toHaveLength(101);
    expect(JSON.stringify(line).length).toBeLessThan(20_000);
  });

  test('any value at all neither throws nor breaks the form', () => {
    const log = createLog({ level: 'debug', destination: { type: 'none' }, ringSize: 1 });
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, fields) => {
        log.info(message, { fields });
        expect(LogLine.safeParse(log.read()[0]).success).toBe(true);
      }),
    );
  });
});

describe('secrets', () => {
  test('are hidden by the name of their field, at any depth', () => {
    const log = createLog({ level: 'debug', destination: { type: 'none' } });
    log.info('x', {
      password: 'one-1',
      nested: [
        { Authorization: 'two-2', 'set-cookie': ['three-3'], session_token: { a: 'four-4' } },
      ],
      apiKey: 5_555_555,
      hasPassword: true,
      ticket: null,
    });
    const text = JSON.stringify(log.read());
    for (const secret of ['one-1', 'two-2', 'three-3', 'four-4', '5555555']) {
      expect(text).not.toContain(secret);
    }
    expect(log.read()[0]?.fields).toMatchObject({ hasPassword: true, ticket: null });
  });

  test.each([
    'https://campus.test/x?token=tok-value-1&a=b',
    'GET /x Authorization: Bearer tok-value-1',
    'bearer tok-value-1',
    'https://ana:tok-value-1@campus.test/',
    '{"password":"tok-value-1"}',
    'spice ticket=tok-value-1',
  ])('are hidden by their shape: %s', (text) => {
    const log = createLog({ level: 'debug', destination: { type: 'none' } });
    log.info(text, { text, error: new Error(text) });
    expect(JSON.stringify(log.read())).not.toContain('tok-value-1');
  });

  test('a typed password appears nowhere, whatever field, key, error or encoding it lands in', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 40 }), (password) => {
        // A password that is part of what every line says cannot be told from it.
        fc.pre(!'["redacted"] name message code cause error stack'.includes(password));
        fc.pre(/[^\s\d:.,/()[\]{}"\\-]{4}/.test(password));
        const log = createLog({ level: 'debug', destination: { type: 'none' } });
        log.redact(password);
        const error = new KioskError('SIGN_IN_WRONG', `no: ${password}`, {
          details: { said: `<${password}>` },
          cause: new Error(password),
        });
        log.warn(`a${password}b`, {
          error,
          [password]: 1,
          list: [password, { deep: `${password}${password}` }],
          json: JSON.stringify({ x: password }),
          form: password.isWellFormed() ? encodeURIComponent(password) : '',
          basic: Buffer.from(password).toString('base64'),
        });
        const { stack: _, ...line } = { stack: 0, ...log.read()[0] };
        const text = JSON.stringify(line, (key, value) => (key === 'stack' ? undefined : value));
        expect(text).not.toContain(JSON.stringify(password).slice(1, -1));
        expect(text).not.toContain(Buffer.from(password).toString('base64'));
      }),
    );
  });

  test('a typed password is hidden in the file and in stacks, and shows again once forgotten', () => {
    const log = fileLog();
    const forget = log.redact('Tr0ub4dor&3');
    const again = log.redact('Tr0ub4dor&3');
    log.error('x', { error: new Error('got Tr0ub4dor&3') });
    forget();
    forget();
    log.info('still Tr0ub4dor&3');
    expect(readFileSync(path, 'utf8')).not.toContain('Tr0ub4dor');
    again();
    log.info('now Tr0ub4dor&3');
    expect(readFileSync(path, 'utf8')).toContain('Tr0ub4dor');
    log.close();
  });

  test('a very short one hides whole values only, so that sentences stay readable', () => {
    const log = createLog({ level: 'debug', destination: { type: 'none' } });
    log.redact('an');
    log.info('an answer', { typed: 'an' });
    expect(log.read()[0]).toMatchObject({ message: 'an answer', fields: { typed: '[redacted]' } });
  });

  test('one that a long text is cut through leaves no beginning behind', () => {
    const log = createLog({ level: 'debug', destination: { type: 'none' } });
    log.redact('correct-horse-battery');
    log.info('x', { text: `${'.'.repeat(7990)}correct-horse-battery${'.'.repeat(50)}` });
    expect(JSON.stringify(log.read())).not.toContain('corr');
  });
});

describe('memory', () => {
  test('keeps the newest lines, read by level, text and number', () => {
    const log = createLog({ level: 'debug', destination: { type: 'none' }, ringSize: 5 });
    for (let index = 0; index < 8; index++) {
      log[index % 2 === 0 ? 'info' : 'error'](`line ${index}`, { place: `Room-${index}` });
    }
    const said = (filter: Parameters<Log['read']>[0]): string[] =>
      log.read(filter).map((line) => line.message);
    expect(said({})).toEqual(['line 3', 'line 4', 'line 5', 'line 6', 'line 7']);
    expect(said({ limit: 2 })).toEqual(['line 6', 'line 7']);
    expect(said({ level: 'warn' })).toEqual(['line 3', 'line 5', 'line 7']);
    expect(said({ contains: 'ROOM-6' })).toEqual(['line 6']);
  });
});

describe('the file', () => {
  test('is renamed before it grows past its size, and only so many are kept', () => {
    const log = fileLog({ maxBytes: 2_000, keep: 2 });
    for (let index = 0; index < 100; index++) log.info(`line ${index}`);
    log.close();
    const files = readdirSync(join(folder, 'logs')).sort();
    expect(files).toEqual(['main.log', 'main.log.1', 'main.log.2']);
    for (const file of files) {
      expect(statSync(join(folder, 'logs', file)).size).toBeLessThanOrEqual(2_000);
    }
    expect(written().at(-1)?.message).toBe('line 99');
  });

  test('goes on after a restart', () => {
    const first = fileLog();
    first.info('before');
    first.close();
    first.info('after close');
    const second = fileLog();
    second.info('after');
    second.close();
    expect(written().map((line) => line.message)).toEqual(['before', 'after']);
  });

  test('that cannot be written loses lines but not the kiosk, and says how many', () => {
    let now = 0;
    const blocked = join(folder, 'logs');
    const log = createLog({
      level: 'info',
      destination: { type: 'file', path: join(blocked, 'main.log') },
      clock: { now: () => now },
    });
    log.info('first');
    log.close();
    rmSync(blocked, { recursive: true });
    // A file where the folder should be: ENOTDIR for root too.
    const plain = createLog({ level: 'info', destination: { type: 'file', path: blocked } });
    plain.info('x');
    plain.close();
    const lost = createLog({
      level: 'info',
      destination: { type: 'file', path: join(blocked, 'main.log') },
      clock: { now: () => now },
    });
    lost.info('lost 1');
    lost.info('lost 2');
    expect(lost.read().map((line) => line.message)).toEqual(['lost 1', 'lost 2']);
    rmSync(blocked);
    lost.info('still waiting');
    now = 60_000;
    lost.info('back');
    lost.close();
    expect(written().map((line) => line.message)).toEqual([
      '3 lines could not be written.',
      'back',
    ]);
  });
});
