import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { createLog, type Log } from '../../../main/log/log.ts';
import {
  createPeople,
  type LoginAnswer,
  type People,
  type PeopleOptions,
  type PeoplePolicy,
} from '../../../main/people/people.ts';
import { makeVerifier } from '../../../main/people/verifier.ts';
import type { Preferences } from '../../../preload/contract/model.ts';

const CHEAP = { N: 2 ** 8, r: 8, p: 1 };
const DAY = 24 * 60 * 60_000;
const PASSWORD = 'correct horse battery';
const DEFAULTS: Preferences = {
  locale: 'en',
  highContrast: false,
  textScale: 1,
  reducedMotion: false,
};
const ANA: LoginAnswer = {
  id: 'u-17',
  name: 'Ana Pérez',
  kind: 'member',
  groups: ['cs-101'],
  offlineDays: 30,
};

let folder: string;
let now: number;
let log: Log;
/** What the campus answers. */
let campus: (name: string, secret: string, signal?: AbortSignal) => Promise<LoginAnswer>;
let asked: string[];
let policy: PeoplePolicy;
let people: People;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-people-'));
  now = 1_800_000_000_000;
  log = createLog({ level: 'debug', destination: { type: 'none' } });
  asked = [];
  policy = { guests: true, offlineSignInDays: 30, adminGroups: ['it'], localAdministrator: null };
  campus = async (_, secret) => {
    if (secret === PASSWORD) return ANA;
    throw new KioskError('SIGN_IN_WRONG', 'no');
  };
  people = open();
});
afterEach(() => {
  people.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<PeopleOptions> = {}): People {
  return createPeople({
    login: {
      login: (name, secret, signal) => {
        asked.push(name);
        return campus(name, secret, signal);
      },
    },
    path: join(folder, 'people.db'),
    policy: () => policy,
    defaultPreferences: () => DEFAULTS,
    log,
    clock: { now: () => now },
    cost: CHEAP,
    ...options,
  });
}

function restart(options: Partial<PeopleOptions> = {}): void {
  people.close();
  people = open(options);
}

function cut(
  code: 'CAMPUS_UNREACHABLE' | 'CAMPUS_TIMEOUT' | 'CAMPUS_CERTIFICATE' = 'CAMPUS_UNREACHABLE',
): void {
  campus = async () => {
    throw new KioskError(code, 'cut');
  };
}

async function seenOnline(): Promise<void> {
  await people.signIn('ana', PASSWORD);
  await people.signOut();
}

const failing = (code: string, details?: object): unknown =>
  expect.objectContaining(details ? { code, details } : { code });

describe('online', () => {
  test('the campus says who it is; the name is asked as typed, without blanks around', async () => {
    const person = await people.signIn('  Ana ', PASSWORD);
    expect(person).toEqual({
      id: 'u-17',
      name: 'Ana Pérez',
      kind: 'member',
      groups: ['cs-101'],
      offline: false,
    });
    expect(people.current).toEqual(person);
    expect(asked).toEqual(['Ana']);
  });

  test('a member of an administrators’ group is one, and so is whom the campus calls one', async () => {
    campus = async () => ({ ...ANA, groups: ['it'] });
    expect((await people.signIn('ana', 'x')).kind).toBe('admin');
    await people.signOut();
    campus = async () => ({ ...ANA, kind: 'admin' });
    expect((await people.signIn('ana', 'x')).kind).toBe('admin');
  });

  test('one at a time: whoever comes ends the visit of the one before, and a wrong password ends nothing', async () => {
    await people.signIn('ana', PASSWORD);
    const ended: string[] = [];
    people.onSignOut((person) => void ended.push(person.name));
    await expect(people.continueAsGuest()).rejects.toEqual(failing('NOT_ALLOWED'));
    const right = campus;
    campus = async () => {
      throw new KioskError('SIGN_IN_WRONG', 'no');
    };
    await expect(people.signIn('ben', 'wrong')).rejects.toEqual(failing('SIGN_IN_WRONG'));
    expect(people.current?.name).toBe(ANA.name);
    expect(ended).toEqual([]);
    campus = right;
    await people.signIn('ben', PASSWORD);
    expect(ended).toEqual([ANA.name]);
  });

  test('a failure that is no answer about the person passes as it is, and counts for nothing', async () => {
    campus = async () => {
      throw new KioskError('CAMPUS_ENDPOINT_ABSENT', 'no login here');
    };
    for (let index = 0; index < 5; index++) {
      await expect(people.signIn('ana', 'x')).rejects.toEqual(failing('CAMPUS_ENDPOINT_ABSENT'));
    }
  });

  test('what the person aborts is neither wrong nor offline', async () => {
    await seenOnline();
    const abort = new AbortController();
    campus = (_, __, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        abort.abort(new KioskError('CANCELLED', 'changed my mind'));
      });
    await expect(people.signIn('ana', PASSWORD, abort.signal)).rejects.toEqual(
      failing('CANCELLED'),
    );
    expect(people.current).toBeNull();
  });
});

describe('offline', () => {
  test.each(['CAMPUS_UNREACHABLE', 'CAMPUS_TIMEOUT', 'CAMPUS_CERTIFICATE'] as const)(
    'after %s, whom the campus accepted here before signs in, however the name is written',
    async (code) => {
      await seenOnline();
      cut(code);
      restart();
      expect(await people.signIn('ANA', PASSWORD)).toEqual({
        id: 'u-17',
        name: 'Ana Pérez',
        kind: 'member',
        groups: ['cs-101'],
        offline: true,
      });
    },
  );

  test('a campus that hangs is not waited for longer than agreed', async () => {
    await seenOnline();
    campus = () => new Promise(() => {});
    restart({ onlineTimeoutMs: 20 });
    // A port that heeds its signal, each in its own way.
    campus = (_, __, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new KioskError('CANCELLED', 'stopped')));
      });
    expect((await people.signIn('ana', PASSWORD)).offline).toBe(true);
  });

  test('a wrong password is wrong, someone never seen needs the network', async () => {
    await seenOnline();
    cut();
    await expect(people.signIn('ana', 'guess')).rejects.toEqual(
      failing('SIGN_IN_WRONG', { attemptsLeft: 2 }),
    );
    await expect(people.signIn('ben', PASSWORD)).rejects.toEqual(
      failing('SIGN_IN_NEEDS_NETWORK', { reason: 'unknown' }),
    );
  });

  test('it lasts as long as policy and campus allow, counted from the last time online', async () => {
    await seenOnline();
    cut();
    now += 30 * DAY - 1;
    await people.signIn('ana', PASSWORD);
    await people.signOut();
    // Signing in offline did not renew it.
    now += 1;
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(
      failing('SIGN_IN_NEEDS_NETWORK', { reason: 'expired' }),
    );
    await expect(people.signIn('ana', 'guess')).rejects.toEqual(failing('SIGN_IN_WRONG'));
  });

  test('a policy that became stricter counts at once', async () => {
    await seenOnline();
    cut();
    now += 2 * DAY;
    policy = { ...policy, offlineSignInDays: 1 };
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(failing('SIGN_IN_NEEDS_NETWORK'));
  });

  test('a clock that is set back does not bring an expired one back; the campus sets it right', async () => {
    await seenOnline();
    cut();
    now += 31 * DAY;
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(failing('SIGN_IN_NEEDS_NETWORK'));
    now -= 30 * DAY;
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(failing('SIGN_IN_NEEDS_NETWORK'));
    campus = async () => ANA;
    await seenOnline();
    cut();
    expect((await people.signIn('ana', PASSWORD)).offline).toBe(true);
  });

  test.each([
    ['policy', 0, 30],
    ['the campus', 30, 0],
  ])('not where %s forbids it, and what was kept is forgotten', async (_, days, offlineDays) => {
    await seenOnline();
    policy = { ...policy, offlineSignInDays: days };
    campus = async () => ({ ...ANA, offlineDays });
    await seenOnline();
    policy = { ...policy, offlineSignInDays: 30 };
    cut();
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(
      failing('SIGN_IN_NEEDS_NETWORK', { reason: 'unknown' }),
    );
  });

  test('whom the campus refuses with the right password is forgotten; a typing error is not', async () => {
    await seenOnline();
    campus = async () => {
      throw new KioskError('SIGN_IN_WRONG', 'no');
    };
    await expect(people.signIn('ana', 'typo')).rejects.toEqual(failing('SIGN_IN_WRONG'));
    cut();
    await people.signIn('ana', PASSWORD);
    await people.signOut();
    campus = async () => {
      throw new KioskError('SIGN_IN_WRONG', 'revoked');
    };
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(failing('SIGN_IN_WRONG'));
    cut();
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(
      failing('SIGN_IN_NEEDS_NETWORK', { reason: 'unknown' }),
    );
  });

  test('a changed password replaces the one before', async () => {
    await seenOnline();
    campus = async () => ANA;
    await people.signIn('ana', 'new password');
    await people.signOut();
    cut();
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(failing('SIGN_IN_WRONG'));
    expect((await people.signIn('ana', 'new password')).offline).toBe(true);
  });
});

describe('when the campus answers again', () => {
  test('a person who signed in offline is confirmed, and what the campus says now counts', async () => {
    await seenOnline();
    cut();
    await people.signIn('ana', PASSWORD);
    expect(await people.confirmOnline()).toBe('unchanged');
    expect(people.current?.offline).toBe(true);
    campus = async () => ({ ...ANA, groups: ['it'] });
    const heard: unknown[] = [];
    people.on('changed', (person) => heard.push(person));
    expect(await people.confirmOnline()).toBe('confirmed');
    expect(people.current).toMatchObject({ offline: false, kind: 'admin', groups: ['it'] });
    expect(heard).toEqual([people.current]);
    expect(await people.confirmOnline()).toBe('unchanged');
  });

  test.each([
    ['refused', async () => Promise.reject(new KioskError('SIGN_IN_WRONG', 'revoked'))],
    ['someone else by that name', async () => ({ ...ANA, id: 'u-99' })],
  ])('one who is %s is signed out and forgotten', async (_, answer) => {
    await seenOnline();
    cut();
    await people.signIn('ana', PASSWORD);
    campus = answer;
    expect(await people.confirmOnline()).toBe('refused');
    expect(people.current).toBeNull();
    cut();
    await expect(people.signIn('ana', PASSWORD)).rejects.toEqual(failing('SIGN_IN_NEEDS_NETWORK'));
  });
});

describe('guessing', () => {
  async function guess(name = 'ana'): Promise<unknown> {
    return people.signIn(name, 'guess').catch((error: unknown) => error);
  }

  test.each([['online'], ['offline']])('%s: three tries, then waits that grow', async (where) => {
    await seenOnline();
    if (where === 'offline') cut();
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { attemptsLeft: 2 }));
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { attemptsLeft: 1 }));
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { until: now + 10_000 }));
    // Not even with the right one, and nobody is asked.
    const before = asked.length;
    await expect(people.signIn('Ana', PASSWORD)).rejects.toEqual(
      failing('SIGN_IN_LOCKED', { seconds: 10, until: now + 10_000 }),
    );
    expect(asked).toHaveLength(before);
    now += 9_001;
    expect(await guess()).toEqual(failing('SIGN_IN_LOCKED', { seconds: 1, until: now + 999 }));
    now += 999;
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { until: now + 20_000 }));
    now += 20_000;
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { until: now + 40_000 }));
    now += 40_000;
    // The right one ends it.
    await people.signIn('ana', PASSWORD);
    await people.signOut();
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { attemptsLeft: 2 }));
  });

  test('neither a restart nor tries side by side get around it', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => guess()));
    expect(all.map((error) => (error instanceof KioskError ? error.code : ''))).toEqual([
      'SIGN_IN_WRONG',
      'SIGN_IN_WRONG',
      'SIGN_IN_WRONG',
      'SIGN_IN_LOCKED',
      'SIGN_IN_LOCKED',
      'SIGN_IN_LOCKED',
    ]);
    restart();
    expect(await guess()).toEqual(failing('SIGN_IN_LOCKED', { seconds: 10, until: now + 10_000 }));
    expect(await guess('ben')).toEqual(failing('SIGN_IN_WRONG'));
  });

  test('the wait never grows past a quarter of an hour, and a clock set back does not lengthen it', async () => {
    for (let index = 0; index < 30; index++) {
      await guess();
      now += 15 * 60_000;
    }
    expect(await guess()).toEqual(failing('SIGN_IN_WRONG', { until: now + 900_000 }));
    now -= 365 * DAY;
    expect(await guess()).toEqual(
      failing('SIGN_IN_LOCKED', { seconds: 900, until: now + 900_000 }),
    );
  });

  test('many made-up names do not fill the disk', async () => {
    for (let index = 0; index < 3; index++) await guess('first');
    for (let index = 0; index < 50; index++) await guess(`name-${index}`);
    expect(await guess('first')).toEqual(
      failing('SIGN_IN_LOCKED', { seconds: 10, until: now + 10_000 }),
    );
  });
});

test('a lock of the campus itself is said with its end', async () => {
  campus = async () => {
    throw new KioskError('SIGN_IN_LOCKED', 'x', { details: { retryAfterSeconds: 30 } });
  };
  await expect(people.signIn('ana', 'x')).rejects.toEqual(
    failing('SIGN_IN_LOCKED', { seconds: 30, until: now + 30_000 }),
  );
});

describe('secrets', () => {
  test('the password is on disk nowhere, in no encoding, and in no log line', async () => {
    campus = async (name, secret) => {
      log.info(`asking for ${name} with ${secret}`, { body: { x: secret } });
      return ANA;
    };
    await seenOnline();
    campus = async (_, secret) => {
      throw new KioskError('SIGN_IN_WRONG', `${secret} is wrong`);
    };
    await people.signIn('ana', 'another secret').catch(() => {});
    people.close();
    const secrets = [PASSWORD, 'another secret'].flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('base64'),
      Buffer.from(secret).toString('hex'),
    ]);
    const files = readdirSync(folder);
    expect(files).toContain('people.db');
    for (const file of files) {
      const bytes = readFileSync(join(folder, file));
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
    }
    const lines = JSON.stringify(log.read());
    expect(lines).toContain('asking for ana with [redacted]');
    for (const secret of secrets) expect(lines).not.toContain(secret);
    people = open();
  });

  test('it is there for single sign-on until sign-out, then zeroed', async () => {
    await people.signIn('ana', PASSWORD);
    const secret = people.secretFor('u-17');
    expect(Buffer.from(secret ?? []).toString()).toBe(PASSWORD);
    expect(people.secretFor('u-18')).toBeUndefined();
    let duringHooks: unknown = 'unseen';
    people.onSignOut((person) => {
      duringHooks = people.secretFor(person.id);
    });
    await people.signOut();
    expect(duringHooks).toBeUndefined();
    expect(secret?.every((byte) => byte === 0)).toBe(true);
    expect(people.secretFor('u-17')).toBeUndefined();
  });
});

describe('sign-out', () => {
  test('waits for every hook; one that fails or hangs keeps nobody', async () => {
    restart({ signOutTimeoutMs: 30 });
    await people.signIn('ana', PASSWORD);
    const done: string[] = [];
    people.onSignOut(async (person) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      done.push(`slow ${person.id} ${people.current?.id}`);
    });
    people.onSignOut(() => {
      throw new Error('broken');
    });
    const remove = people.onSignOut(() => {
      done.push('removed');
    });
    remove();
    await people.signOut();
    expect(done).toEqual(['slow u-17 u-17']);
    expect(people.current).toBeNull();
    await people.signIn('ana', PASSWORD);
    people.onSignOut(() => new Promise(() => {}));
    await people.signOut();
    expect(people.current).toBeNull();
    await people.signOut();
    expect(done).toHaveLength(2);
  });

  test('the next sign-in waits for it', async () => {
    await people.continueAsGuest();
    const order: string[] = [];
    people.onSignOut(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push('cleaned');
    });
    const out = people.signOut();
    const next = people.signIn('ana', PASSWORD).then(() => order.push('in'));
    await Promise.all([out, next]);
    expect(order).toEqual(['cleaned', 'in']);
  });
});

describe('guests', () => {
  test('by policy', async () => {
    expect(await people.continueAsGuest()).toMatchObject({ kind: 'guest', groups: ['guest'] });
    expect(people.secretFor('guest')).toBeUndefined();
    await people.signOut();
    policy = { ...policy, guests: false };
    await expect(people.continueAsGuest()).rejects.toEqual(failing('GUESTS_NOT_ALLOWED'));
  });
});

describe("the computer's own administrator", () => {
  test('signs in whatever the campus does, and is held to the same waits', async () => {
    policy = {
      ...policy,
      localAdministrator: {
        name: 'Rescue',
        verifier: await makeVerifier(Buffer.from('break glass'), CHEAP),
      },
    };
    cut();
    expect(await people.signIn('rescue', 'break glass')).toMatchObject({ kind: 'admin' });
    expect(await people.confirmOnline()).toBe('unchanged');
    await people.signOut();
    for (let index = 0; index < 3; index++) {
      await expect(people.signIn('rescue', 'guess')).rejects.toEqual(failing('SIGN_IN_WRONG'));
    }
    await expect(people.signIn('rescue', 'break glass')).rejects.toEqual(failing('SIGN_IN_LOCKED'));
    // The campus never hears of it.
    expect(asked).toEqual([]);
  });

  test('is not there unless it was set up; a damaged verifier lets nobody in', async () => {
    cut();
    await expect(people.signIn('rescue', '')).rejects.toEqual(failing('SIGN_IN_NEEDS_NETWORK'));
    for (const verifier of [
      '',
      'scrypt$0$0$0$$',
      'scrypt$99999999$8$1$c2FsdHNhbHRzYWx0c2FsdA$aA',
    ]) {
      policy = { ...policy, localAdministrator: { name: 'rescue', verifier } };
      await expect(people.signIn('rescue', '')).rejects.toEqual(failing('SIGN_IN_WRONG'));
      now += DAY;
    }
  });
});

describe('preferences', () => {
  test('are kept per person; those of the sign-in screen and of guests end with them', async () => {
    expect(people.preferences).toEqual(DEFAULTS);
    people.setPreferences({ locale: 'fr', highContrast: undefined });
    await people.signIn('ana', PASSWORD);
    expect(people.preferences).toEqual({ ...DEFAULTS, locale: 'fr' });
    people.setPreferences({ textScale: 1.5 });
    await people.signOut();
    expect(people.preferences).toEqual(DEFAULTS);
    await people.continueAsGuest();
    people.setPreferences({ locale: 'de' });
    await people.signOut();
    restart();
    await people.continueAsGuest();
    expect(people.preferences).toEqual(DEFAULTS);
    await people.signOut();
    people.setPreferences({ locale: 'es' });
    await people.signIn('ana', PASSWORD);
    expect(people.preferences).toEqual({ ...DEFAULTS, locale: 'fr', textScale: 1.5 });
  });
});

test('an administrator vouches for something while another person is at the screen', async () => {
  const boss = { name: 'boss', secret: PASSWORD };
  await people.signIn('ana', PASSWORD);
  campus = async (name, secret) => {
    if (secret !== PASSWORD) throw new KioskError('SIGN_IN_WRONG', 'no');
    return name === 'boss' ? { ...ANA, id: 'u-1', kind: 'admin' } : ANA;
  };
  await expect(people.confirmAdministrator(null)).rejects.toThrow(failing('NOT_ALLOWED'));
  await expect(people.confirmAdministrator({ ...boss, name: 'ana' })).rejects.toThrow(
    failing('NOT_ALLOWED'),
  );
  await expect(people.confirmAdministrator({ ...boss, secret: 'x' })).rejects.toThrow(
    failing('SIGN_IN_WRONG'),
  );
  await people.confirmAdministrator(boss);
  expect(people.current?.id).toBe(ANA.id);
  expect(Buffer.from(people.secretFor(ANA.id) ?? []).toString()).toBe(PASSWORD);
  await people.signIn('boss', PASSWORD);
  await people.confirmAdministrator(null);
});
