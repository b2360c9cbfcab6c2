/** What a synchronisation decides: nothing that somebody wrote is ever thrown away. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ledger } from '../../../main/homes/ledger.ts';
import { listed, parseMultistatus } from '../../../main/homes/multistatus.ts';
import { asideName, planSync, type RemoteTree } from '../../../main/homes/plan.ts';
import type { LocalTree } from '../../../main/homes/tree.ts';

/** undefined: no file; else a number that stands for the content. */
type Content = number | undefined;

function plan(here: Content, there: Content, before: Content) {
  const local: LocalTree =
    here === undefined
      ? new Map()
      : new Map([['f', { kind: 'file' as const, size: here, modified: here }]]);
  const remote: RemoteTree =
    there === undefined
      ? new Map()
      : new Map([['f', { kind: 'file' as const, size: there, version: `v${there}` }]]);
  const ledger: Ledger =
    before === undefined
      ? new Map()
      : new Map([
          ['f', { kind: 'file' as const, size: before, modified: before, version: `v${before}` }],
        ]);
  return planSync(local, remote, ledger).actions.map(({ type }) => type);
}

test.each([
  [1, 1, 1, []],
  [2, 1, 1, ['upload']],
  [1, 2, 1, ['download']],
  [2, 3, 1, ['conflict']],
  [1, 1, undefined, ['conflict']],
  [1, undefined, undefined, ['upload']],
  [undefined, 1, undefined, ['download']],
  [undefined, 1, 1, ['remove-remote']],
  [1, undefined, 1, ['remove-local']],
  [2, undefined, 1, ['upload']],
  [undefined, 2, 1, ['download']],
  [undefined, undefined, 1, ['forget']],
] as const)('here %s, there %s, before %s: %j', (here, there, before, expected) => {
  expect(plan(here, there, before)).toEqual(expected);
});

test('a removal concerns only what is as it was known', () => {
  const content = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
  fc.assert(
    fc.property(content, content, content, (here, there, before) => {
      const [action] = plan(here, there, before);
      if (action === 'remove-local') expect(here).toBe(before);
      if (action === 'remove-remote') expect(there).toBe(before);
      if (action === 'upload' && there !== undefined) expect(there).toBe(before);
      if (action === 'download' && here !== undefined) expect(here).toBe(before);
    }),
  );
});

test('more than half gone at once is an accident: all comes back', () => {
  const names = Array.from({ length: 40 }, (_, index) => `file ${index}`);
  const ledger: Ledger = new Map(
    names.map((name) => [name, { kind: 'file', size: 1, modified: 1, version: 'v' }]),
  );
  const local: LocalTree = new Map(
    names.map((name) => [name, { kind: 'file', size: 1, modified: 1 }]),
  );
  const { actions, suspicious } = planSync(local, new Map(), ledger);
  expect(suspicious).toBe(true);
  expect(new Set(actions.map(({ type }) => type))).toEqual(new Set(['upload']));
  const few = planSync(
    new Map([...local].slice(0, 30)),
    new Map([...local].map(([name]) => [name, { kind: 'file', size: 1, version: 'v' }])),
    ledger,
  );
  expect(few.suspicious).toBe(false);
  expect(few.actions.map(({ type }) => type)).toEqual(Array(10).fill('remove-remote'));
});

test('folders come before what is in them and go after it', () => {
  const local: LocalTree = new Map([
    ['new/deep', { kind: 'folder' }],
    ['new', { kind: 'folder' }],
    ['new/deep/f', { kind: 'file', size: 1, modified: 1 }],
    ['old', { kind: 'folder' }],
    ['old/deep', { kind: 'folder' }],
    ['old/deep/f', { kind: 'file', size: 1, modified: 1 }],
  ]);
  const ledger: Ledger = new Map([
    ['old', { kind: 'folder' }],
    ['old/deep', { kind: 'folder' }],
    ['old/deep/f', { kind: 'file', size: 1, modified: 1, version: 'v' }],
  ]);
  const order = planSync(local, new Map(), ledger).actions.map(
    ({ type, path }) => `${type} ${path}`,
  );
  expect(order).toEqual([
    'make-remote-folder new',
    'make-remote-folder new/deep',
    'upload new/deep/f',
    'remove-local old/deep/f',
    'remove-local-folder old/deep',
    'remove-local-folder old',
  ]);
});

test('the version that is kept beside has a name that says where from and when', () => {
  const at = new Date('2026-11-21T14:05:59Z');
  const taken = new Set(['a/notes (seat 1, 2026-11-21 14.05).txt']);
  expect(asideName('a/notes.txt', 'seat/1', at, (path) => taken.has(path))).toBe(
    'a/notes (seat1, 2026-11-21 14.05).txt',
  );
  expect(asideName('a/notes.txt', 'seat 1', at, (path) => taken.has(path))).toBe(
    'a/notes (seat 1, 2026-11-21 14.05, 2).txt',
  );
  expect(asideName('.profile', 'x', at, () => false)).toBe('.profile (x, 2026-11-21 14.05)');
});

describe('listings', () => {
  const answer = (href: string, prop: string) =>
    `<d:multistatus xmlns:d="DAV:"><d:response><d:href>${href}</d:href><d:propstat><d:prop>${prop}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>`;
  const file =
    '<d:resourcetype/><d:getcontentlength>7</d:getcontentlength><d:getetag>W/"x"</d:getetag>';

  test('a name, a size, a version without its strength', () => {
    const found = parseMultistatus(answer('/dav/al%20ice/n%C3%A9.txt', file));
    expect(listed(found, '/dav/al%20ice/')).toEqual(
      new Map([['né.txt', { kind: 'file', size: 7, version: 'x' }]]),
    );
    expect(found[0]?.tag).toBeNull();
  });

  test.each([
    '/dav/alice/..%2Fbob',
    '/dav/alice/a%00b',
    '/dav/bob/secret',
    '/dav/alice/deep/inside',
    '/dav/alice/',
  ])('%s is no file of the folder', (href) => {
    expect(listed(parseMultistatus(answer(href, file)), '/dav/alice/').size).toBe(0);
  });

  test.each([
    '<!DOCTYPE x [<!ENTITY a "b">]><x/>',
    'no xml',
    '<a></b>',
    '<d:multistatus xmlns:d="DAV:"><d:response><d:href>/%</d:href></d:response></d:multistatus>',
    answer('/dav/alice/x', '<d:getcontentlength>-1</d:getcontentlength>'),
  ])('refused: %s', (text) => {
    expect(() => parseMultistatus(text)).toThrow(
      expect.objectContaining({ code: 'CAMPUS_BAD_RESPONSE' }),
    );
  });
});
