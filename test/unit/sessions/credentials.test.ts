import { expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { ManifestEntry } from '../../../main/base/manifest.ts';
import type { Credentials } from '../../../main/sessions/credentials.ts';
import type { SessionReply } from '../../../main/sessions/engine.ts';
import type { Person } from '../../../preload/contract/model.ts';
import { answers, deskFor } from '../../support/questions.ts';

const entry = ManifestEntry.parse({ kind: 'rdp', id: 'desk', title: 'Desk', target: {} });
const person: Person = { id: 'anna', name: 'Anna', kind: 'member', groups: [], offline: false };
const wish = { server: 'desk', user: 'anna', domain: '', signOn: true };
const reply = (secret: string, user = 'anna', domain = ''): SessionReply => ({
  type: 'credentials',
  user,
  domain,
  secret,
});

/** A server that knows one password; what it was sent is written down. */
function server(right: string) {
  const seen: string[] = [];
  const attempt = async ({ user, domain, secret }: Credentials): Promise<Uint8Array> => {
    const typed = Buffer.from(secret).toString('utf8');
    seen.push(`${domain ?? '-'} ${user} ${typed}`);
    if (typed !== right) throw new KioskError('REMOTE_CREDENTIALS_WRONG', 'No.');
    return secret;
  };
  return { seen, attempt };
}

function request(...replies: SessionReply[]) {
  const { ask, asked } = answers(...replies);
  return { request: { ask, person, entry, signal: new AbortController().signal }, asked };
}

test('what was typed at sign-in is sent where the campus allows it, and asked for where not', async () => {
  const desk = deskFor(() => 'good');
  const { seen, attempt } = server('good');
  await desk.use(request().request, wish, attempt);
  expect(seen).toEqual(['- anna good']);
  const { request: asking, asked } = request(reply('good', 'LAB\\bert'));
  await desk.use(asking, { ...wish, signOn: false }, attempt);
  expect(seen.at(-1)).toBe('LAB bert good');
  expect(asked).toEqual([
    { type: 'credentials', server: 'desk', user: 'anna', domain: '', error: null },
  ]);
});

test('what the server accepted is kept for the visit and zeroed at its end', async () => {
  const desk = deskFor(() => undefined);
  const { seen, attempt } = server('good');
  const { request: first } = request(reply('bad'), reply('good', ' anna ', 'LAB'));
  const secret = await desk.use(first, wish, attempt);
  await desk.use(request().request, wish, attempt);
  expect(seen).toEqual(['- anna bad', 'LAB anna good', 'LAB anna good']);
  desk.wipe('somebody else');
  expect(Buffer.from(secret).toString()).toBe('good');
  desk.wipe('anna');
  expect([...secret]).toEqual([0, 0, 0, 0]);
  await expect(desk.use(request().request, wish, attempt)).rejects.toMatchObject({
    code: 'CANCELLED',
  });
});

test('after three wrong ones an answer before its time is not sent', async () => {
  let now = 0;
  const desk = deskFor(
    () => undefined,
    () => now,
  );
  const { seen, attempt } = server('good');
  const { request: asking, asked } = request(reply('1'), reply('2'), reply('3'), reply('early'));
  await expect(desk.use(asking, wish, attempt)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(seen).toHaveLength(3);
  expect(asked.map((one) => (one.type === 'credentials' ? one.error?.details : null))).toEqual([
    undefined,
    { attemptsLeft: 2 },
    { attemptsLeft: 1 },
    { until: 60_000 },
    { until: 60_000 },
  ]);
  now = 60_000;
  await desk.use(request(reply('good')).request, wish, attempt);
  expect(seen).toHaveLength(4);
});

test('another failure ends it, and keeps nothing', async () => {
  const desk = deskFor(() => undefined);
  let secret: Uint8Array = new Uint8Array();
  await expect(
    desk.use(request(reply('good')).request, wish, async (who) => {
      secret = new Uint8Array(who.secret.buffer, who.secret.byteOffset, who.secret.byteLength);
      throw new KioskError('REMOTE_REFUSED', 'Gone.');
    }),
  ).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
  expect([...secret]).toEqual([0, 0, 0, 0]);
});
