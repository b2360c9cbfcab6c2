/**
 * The UI's origin: the only way its pages get bytes. Serves the bundle that the page was loaded
 * from, or the built-in UI.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errno } from '../base/errors.ts';
import { BundlePath } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { OriginRequest, OriginResponse } from './api.ts';
import type { BlobStore } from './blobs.ts';
import type { LoadedBundle } from './bundle-index.ts';
import type { Bundles } from './bundles.ts';
import { contentType } from './content-type.ts';
import { MemoryCache } from './memory.ts';

const MEMORY_BYTES = 8 * 1024 * 1024;
const LARGEST_IN_MEMORY_BYTES = 512 * 1024;
const FALLBACK_ENTRY = 'index.html';
/** How much of a document is looked at for what it names, in bytes, and how much of that is read. */
const LOOKED_AT_BYTES = 64 * 1024;
const READ_AHEAD_FILES = 32;

export interface ServeOptions {
  readonly bundles: Bundles;
  readonly blobs: BlobStore;
  /** Folder of the built-in UI, with an `index.html`. */
  readonly fallbackFolder: string;
  /** Origins whose pages the UI may show in a frame: the display's. */
  readonly frameOrigins: readonly string[];
  readonly log: Logger;
}

type File = Found | 'damaged' | null;

interface Found {
  readonly content: Uint8Array;
  readonly type: string;
}

/** Answers any request; never rejects. */
export function createServe(
  options: ServeOptions,
): (request: OriginRequest) => Promise<OriginResponse> {
  const { bundles, blobs, fallbackFolder, log } = options;
  const headers = securityHeaders(options.frameOrigins);
  const memory = new MemoryCache(MEMORY_BYTES, LARGEST_IN_MEMORY_BYTES);

  async function fromBundle(path: string, loaded: LoadedBundle): Promise<File> {
    const file = loaded.files.get(path);
    if (file === undefined) return null;
    let content = memory.get(file.sha256) ?? (await blobs.read(file.sha256));
    content ??= await bundles.repair(file, loaded);
    if (content === undefined) return 'damaged';
    memory.set(file.sha256, content);
    return { content, type: file.type ?? contentType(path) };
  }

  async function fromFallback(path: string): Promise<Found | null> {
    try {
      return { content: await readFile(join(fallbackFolder, path)), type: contentType(path) };
    } catch (error) {
      if (!['ENOENT', 'EISDIR', 'ENOTDIR'].includes(errno(error) ?? '')) {
        log.error('the built-in UI cannot be read', { path, error });
      }
      return null;
    }
  }

  const read = (path: string, loaded: LoadedBundle | undefined): Promise<File> =>
    loaded ? fromBundle(path, loaded) : fromFallback(path);

  /** What the last document names, on its way from the disk while the document is on its own. */
  const ahead = new Map<string, Promise<File>>();

  function readAhead({ content, type }: Found, url: URL): void {
    ahead.clear();
    if (!type.startsWith('text/html')) return;
    const html = Buffer.from(content.buffer, content.byteOffset, content.length);
    for (const name of namesIn(html.toString('latin1', 0, LOOKED_AT_BYTES))) {
      const named = URL.parse(name, url.href);
      const path = named?.origin === url.origin ? bundlePath(named) : undefined;
      if (!path || ahead.has(path)) continue;
      if (ahead.size === READ_AHEAD_FILES) return;
      const file = read(path, bundles.serving);
      // Whoever asks for it hears of its failure.
      file.catch(() => {});
      ahead.set(path, file);
    }
  }

  /** The page's document; where the bundle cannot give it, the built-in one. */
  async function document(path: string): Promise<Found | null> {
    const loaded = bundles.navigate();
    if (loaded !== undefined) {
      const { entry } = loaded.bundle;
      const asked = loaded.files.has(path) ? path : entry;
      const found = await fromBundle(asked, loaded);
      if (found !== null && found !== 'damaged') return found;
      bundles.abandon(loaded);
    }
    return (await fromFallback(path || FALLBACK_ENTRY)) ?? fromFallback(FALLBACK_ENTRY);
  }

  async function find(request: OriginRequest): Promise<OriginResponse> {
    const path = bundlePath(request.url);
    if (path === undefined) return failure(400, headers);
    if (isNavigation(request)) {
      const found = await document(path);
      // The page's calls say which load they come from, see `Caller.load` of the shell port.
      const named = { ...headers, 'server-timing': `vestibule-load;desc="${bundles.load}"` };
      if (!found) return failure(404, named);
      readAhead(found, request.url);
      return success(found, named);
    }
    const loaded = bundles.serving;
    const asked = path || (loaded?.bundle.entry ?? FALLBACK_ENTRY);
    const found = await (ahead.get(asked) ?? read(asked, loaded));
    ahead.delete(asked);
    if (found === 'damaged') return failure(503, headers);
    return found ? success(found, headers) : failure(404, headers);
  }

  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return failure(405, { ...headers, allow: 'GET, HEAD' });
    }
    try {
      const response = await find(request);
      return request.method === 'HEAD' ? { ...response, body: null } : response;
    } catch (error) {
      log.error('a UI request failed', { path: request.url.pathname, error });
      return failure(500, headers);
    }
  };
}

/** Scripts, styles and pictures that a document names: their references as they are written. */
function namesIn(html: string): string[] {
  return [...html.matchAll(/<(?:script|link|img)\b[^>]*?\s(?:src|href)="([^"]+)"/gi)].map(
    ([, name = '']) => name,
  );
}

/** The path inside a bundle; '' is the root; undefined where it could mean something else. */
function bundlePath({ pathname }: URL): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(pathname).replace(/^\//, '');
  } catch {
    return undefined;
  }
  return path === '' || BundlePath.safeParse(path).success ? path : undefined;
}

/**
 * Whether the answer becomes the page itself. Requests are intercepted before Fetch Metadata is
 * added; Chromium's shell adds it, for Electron's `Accept` decides: only navigations ask for HTML.
 */
function isNavigation({ headers }: OriginRequest): boolean {
  const mode = headers.get('sec-fetch-mode');
  if (mode !== undefined) return mode === 'navigate';
  return headers.get('accept')?.includes('text/html') === true;
}

/**
 * No script, style or connection but the UI's own; nothing is framed but the display. Inline style
 * attributes are allowed: component libraries place their overlays with them, and they run nothing.
 */
function securityHeaders(frameOrigins: readonly string[]): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "style-src-attr 'unsafe-inline'",
      "img-src 'self' data: blob:",
      "font-src 'self' data:",
      "media-src 'self' data: blob:",
      "connect-src 'self'",
      "worker-src 'self'",
      "manifest-src 'self'",
      `frame-src ${frameOrigins.length > 0 ? frameOrigins.join(' ') : "'none'"}`,
      "object-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy':
      'camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()',
    // The cache is here: a copy of the browser's own could outlive a rollback.
    'cache-control': 'no-store',
  };
}

function success(
  { content, type }: Found,
  headers: Readonly<Record<string, string>>,
): OriginResponse {
  return {
    status: 200,
    headers: { ...headers, 'content-type': type, 'content-length': String(content.length) },
    body: content,
  };
}

function failure(status: number, headers: Readonly<Record<string, string>>): OriginResponse {
  return { status, headers: { ...headers, 'content-length': '0' }, body: null };
}
