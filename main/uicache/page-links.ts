/** What a page is made of: the addresses that a browser fetches to show it. */
import { Parser } from 'htmlparser2';

/** Attributes that name something the browser fetches by itself. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  audio: ['src'],
  embed: ['src'],
  iframe: ['src'],
  image: ['href', 'xlink:href'],
  img: ['src'],
  input: ['src'],
  object: ['data'],
  script: ['src'],
  source: ['src'],
  track: ['src'],
  use: ['href', 'xlink:href'],
  video: ['src', 'poster'],
};
const FETCHED_LINKS = /\b(stylesheet|icon|apple-touch-icon|modulepreload|preload|manifest)\b/i;

/**
 * Absolute http(s) addresses in the order in which they appear, each once, without fragments.
 * Modules that scripts import are not seen: a page saved for offline use should bundle them or
 * list them as `modulepreload`.
 */
export function linksOfHtml(html: string, address: URL): URL[] {
  const links = new Links(address);
  let inStyle = false;
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name === 'base' && attributes.href !== undefined) links.rebase(attributes.href);
      if (name === 'link' && FETCHED_LINKS.test(attributes.rel ?? '')) links.add(attributes.href);
      for (const attribute of SOURCES[name] ?? []) links.add(attributes[attribute]);
      for (const candidate of sourceSet(attributes.srcset ?? attributes.imagesrcset ?? '')) {
        links.add(candidate);
      }
      if (attributes.style !== undefined) links.addCss(attributes.style);
      inStyle = name === 'style';
    },
    ontext(text) {
      if (inStyle) links.addCss(text);
    },
    onclosetag(name) {
      if (name === 'style') inStyle = false;
    },
  });
  parser.end(html);
  return links.found;
}

export function linksOfCss(css: string, address: URL): URL[] {
  const links = new Links(address);
  links.addCss(css);
  return links.found;
}

class Links {
  readonly #seen = new Set<string>();
  readonly found: URL[] = [];
  #base: URL;
  #rebased = false;

  constructor(base: URL) {
    this.#base = base;
  }

  /** Only the first `base` counts (HTML, 4.2.3). */
  rebase(href: string): void {
    const base = URL.parse(href, this.#base.href);
    if (this.#rebased || base === null) return;
    this.#base = base;
    this.#rebased = true;
  }

  add(reference: string | undefined): void {
    if (reference === undefined || reference.trim() === '') return;
    const url = URL.parse(reference.trim(), this.#base.href);
    if (url === null || !/^https?:$/.test(url.protocol)) return;
    url.hash = '';
    if (this.#seen.has(url.href)) return;
    this.#seen.add(url.href);
    this.found.push(url);
  }

  /** `url(…)` and `@import "…"` (CSS Syntax 3, 4.3.6; comments are taken out before). */
  addCss(css: string): void {
    const text = css.replace(/\/\*.*?\*\//gs, '');
    const pattern =
      /url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')/gi;
    for (const match of text.matchAll(pattern)) {
      this.add(match.slice(1).find((part) => part !== undefined));
    }
  }
}

/** The addresses of a `srcset` (HTML, 2.5.7). */
function sourceSet(text: string): string[] {
  return text
    .split(/,\s+|,$/)
    .map((candidate) => candidate.trim().split(/\s+/)[0] ?? '')
    .filter((candidate) => candidate !== '' && !candidate.startsWith('data:'));
}
