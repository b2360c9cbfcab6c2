import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFirstAnswers } from '../../../main/bridge/first-answers.ts';
import { FirstState } from '../../../main/bridge/first-state.ts';
import { PageWatch } from '../../../main/bridge/page-watch.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import type { Caller } from '../../../main/shell/shell.ts';
import type { Person } from '../../../preload/contract/model.ts';
import { kioskState } from '../../support/fake-scenario.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-first-'));
  path = join(folder, 'first-state.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const alice: Person = {
  id: 'alice',
  name: 'Alice Archer',
  kind: 'member',
  groups: [],
  offline: false,
};
const clock = { now: () => 1_795_000_000_000 };
const first = (): FirstState => new FirstState(path, silentLogger, clock);

test('what a start showed is what the next one shows first, connecting since now', () => {
  const state = kioskState({ person: null });
  first().keep(state);
  expect(first().read()).toEqual({
    ...state,
    campus: { ...state.campus, link: 'connecting', error: null, since: clock.now() },
  });
});

test('nothing of a person is in it, and a visit leaves none', () => {
  first().keep(kioskState({ person: alice, signOutAt: 5 }));
  expect(first().read()).toMatchObject({ person: null, home: null, signOutAt: null });
  expect(readFileSync(path, 'utf8')).not.toContain(alice.name);
  first().forget();
  expect(first().read()).toBeUndefined();
  first().forget();
});

test.each([
  ['cut short', (text: string) => text.slice(0, -20)],
  ['of another version', (text: string) => text.replace(/"version":"[^"]*"/, '"version":"0.0.0"')],
  ['not a state', () => '{"version":"x","state":{"person":null}}'],
])('%s: of no use', (_name, spoil) => {
  first().keep(kioskState({ person: null }));
  writeFileSync(path, spoil(readFileSync(path, 'utf8')));
  expect(first().read()).toBeUndefined();
});

test('a disk that takes no writes costs nothing but the time', () => {
  mkdirSync(`${path}.new`);
  first().keep(kioskState({ person: null }));
  expect(first().read()).toBeUndefined();
});

const UI: Caller = { origin: 'https://ui.invalid', topFrame: true, load: 'run-1' };

function ask(message: string, caller: Caller = UI) {
  const painted: string[] = [];
  const replies: unknown[] = [];
  const pageWatch = new PageWatch({
    rendered: () => painted.push('painted'),
    renderFailed: () => {},
    reload: async () => {},
    load: () => 'run-1',
    log: silentLogger,
  });
  const state = kioskState({ person: null });
  const answer = createFirstAnswers({ state, uiOrigin: UI.origin, pageWatch });
  const answered = answer({ caller, message, reply: (text) => replies.push(JSON.parse(text)) });
  pageWatch.close();
  return { answered, painted, replies, state };
}

test('the state, and that the page has painted, are answered without the features', () => {
  const { state, ...asked } = ask('{"id":1,"method":"state.get","params":{}}');
  expect(asked).toEqual({ answered: true, painted: [], replies: [{ id: 1, result: state }] });
  expect(ask('{"id":2,"method":"ui.rendered","params":{}}')).toMatchObject({
    answered: true,
    painted: ['painted'],
    replies: [{ id: 2, result: null }],
  });
});

test.each<[string, string, Caller]>([
  ['other calls', '{"id":3,"method":"catalogue.list","params":{}}', UI],
  ['what is no call', '{"id":"3","method":"state.get"}', UI],
  ['what is not JSON', 'state.get', UI],
  ['a frame', '{"id":1,"method":"state.get","params":{}}', { ...UI, topFrame: false }],
  ['another origin', '{"id":1,"method":"state.get","params":{}}', { ...UI, origin: 'https://x' }],
])('%s: left to the dispatcher', (_name, message, caller) => {
  expect(ask(message, caller)).toMatchObject({ answered: false, painted: [], replies: [] });
});
