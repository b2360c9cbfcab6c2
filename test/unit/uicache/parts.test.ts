import { describe, expect, test } from 'vitest';
import { next } from '../../../main/base/machine.ts';
import { loadBundle } from '../../../main/uicache/bundle-index.ts';
import { contentType } from '../../../main/uicache/content-type.ts';
import { MemoryCache } from '../../../main/uicache/memory.ts';
import { linksOfCss, linksOfHtml } from '../../../main/uicache/page-links.ts';
import { STATES } from '../../../main/uicache/states.ts';
import { bundleOf } from '../../support/ui-bundle.ts';

describe('states', () => {
  test('a failed refresh keeps the active version', () => {
    expect(next(STATES, 'refreshing', 'failed')).toBe('active');
    expect(next(STATES, 'fetching', 'failed')).toBe('empty');
  });

  test('nothing becomes active but by rendering, rolling back or being completed', () => {
    for (const [state, events] of Object.entries(STATES)) {
      for (const [event, to] of Object.entries(events)) {
        if (to !== 'active' || state === 'active') continue;
        expect(['rendered', 'rolledBack', 'completed', 'failed']).toContain(event);
      }
    }
  });

  test('a verdict without a version on trial is rejected', () => {
    for (const state of ['empty', 'active'] as const) {
      for (const event of ['rendered', 'rejected', 'rolledBack', 'fetched'] as const) {
        expect(next(STATES, state, event)).toBeUndefined();
      }
    }
  });

  test('every state can be left', () => {
    for (const events of Object.values(STATES)) expect(Object.keys(events)).not.toEqual([]);
  });
});

describe("a bundle's digest", () => {
  const contents = { 'index.html': 'x', 'a.js': 'y' };

  test('is of what the page gets: not of its name, nor of the order of its files', () => {
    const one = bundleOf('1', contents);
    const { digest } = loadBundle(one);
    expect(loadBundle(bundleOf('2', contents)).digest).toBe(digest);
    expect(loadBundle({ ...one, files: one.files.toReversed() }).digest).toBe(digest);
  });

  test('changes with contents, paths, types and the entry', () => {
    const one = bundleOf('1', contents);
    const others = [
      bundleOf('1', { ...contents, 'a.js': 'z' }),
      bundleOf('1', { 'index.html': 'x', 'b.js': 'y' }),
      { ...one, entry: 'a.js' },
      { ...one, files: one.files.map((file) => ({ ...file, type: 'text/plain' })) },
    ];
    const digests = [one, ...others].map((bundle) => loadBundle(bundle).digest);
    expect(new Set(digests).size).toBe(digests.length);
  });
});

describe('memory', () => {
  test('keeps what was asked for last, within its bound', () => {
    const memory = new MemoryCache(30, 20);
    const bytes = (length: number): Uint8Array => new Uint8Array(length);
    memory.set('a', bytes(10));
    memory.set('b', bytes(10));
    memory.set('c', bytes(10));
    memory.get('a');
    memory.set('d', bytes(10));
    expect(['a', 'b', 'c', 'd'].filter((key) => memory.get(key))).toEqual(['a', 'c', 'd']);
    memory.set('large', bytes(21));
    expect(memory.get('large')).toBeUndefined();
  });
});

test.each([
  ['index.html', 'text/html; charset=utf-8'],
  ['a/b.min.JS', 'text/javascript; charset=utf-8'],
  ['font.woff2', 'font/woff2'],
  ['app.wasm', 'application/wasm'],
  ['README', 'application/octet-stream'],
  ['x.constructor', 'application/octet-stream'],
  ['.html/file', 'application/octet-stream'],
])('the type of %s is %s', (path, type) => expect(contentType(path)).toBe(type));

describe('links of a page', () => {
  const address = new URL('https://example.org/course/index.html');
  const links = (html: string): string[] => linksOfHtml(html, address).map(String);

  test('are what a browser fetches by itself, each once, without fragments', () => {
    expect(
      links(`
        <link rel="icon" href="/i.svg#x"><link rel="alternate" href="/feed">
        <link rel="Stylesheet" href=s.css><script src=s.js></script><script src=s.js></script>
        <img srcset="a.png 1x, b.png 2x" src=""><video poster="p.jpg"><source src="v.webm"></video>
        <iframe src="frame.html"></iframe><a href="other.html">x</a><form action="f"></form>
        <div style="background:url('bg.png')">url(text.png)</div>
        <img src="data:image/png;base64,AA"><img src="javascript:alert(1)">`),
    ).toEqual(
      ['/i.svg', 's.css', 's.js', 'a.png', 'b.png', 'p.jpg', 'v.webm', 'frame.html', 'bg.png'].map(
        (path) => new URL(path, address).href,
      ),
    );
  });

  test('follow the first base', () => {
    expect(links('<base href="/b/"><base href="/c/"><img src="x.png">')).toEqual([
      'https://example.org/b/x.png',
    ]);
  });

  test('of CSS: url() in any quotes and @import, not in comments', () => {
    const css = `/* url(no.png) */ @import 'a.css'; @import url(b.css); p{src:url( "c.woff2" )}`;
    expect(linksOfCss(css, address).map(({ pathname }) => pathname)).toEqual([
      '/course/a.css',
      '/course/b.css',
      '/course/c.woff2',
    ]);
  });
});
