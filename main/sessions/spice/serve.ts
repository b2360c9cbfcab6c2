/** Serves the display page to its origin: a few static files and the policy that binds them. */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
};

export interface DisplayServerOptions {
  /** What `vite.display.config.ts` built. */
  readonly folder: string;
  /** The only origin that may frame the page. */
  readonly uiOrigin: string;
}

/** The shell's origin request and response, as far as static files need them. */
interface Request {
  readonly method: string;
  readonly url: URL;
}
interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

/** The page that runs IronRDP; the only one that needs WebAssembly. */
const RDP_PAGE = '/rdp.html';

/**
 * The page's Content-Security-Policy. Pictures and cursors are `data:` URLs, sound and video are
 * `blob:` URLs, the only network is the bridge. spice-html5 places videos by a style attribute;
 * neither library evaluates strings.
 */
function displayPolicy(uiOrigin: string, path: string): string {
  const rdp = path === RDP_PAGE;
  return [
    "default-src 'none'",
    `script-src 'self'${rdp ? " 'wasm-unsafe-eval'" : ''}`,
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    'img-src data:',
    'media-src blob:',
    `connect-src ${rdp ? "'self' " : ''}ws://127.0.0.1:*`,
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${uiOrigin}`,
  ].join('; ');
}

/** Answers requests of the display origin; the files are read once, at the first request. */
export function createDisplayServer(
  options: DisplayServerOptions,
): (request: Request) => Promise<Response> {
  const headers = {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  };
  let files: Promise<ReadonlyMap<string, Uint8Array>> | undefined;
  return async ({ method, url }) => {
    if (method !== 'GET') return { status: 405, headers: { Allow: 'GET' }, body: null };
    files ??= readFiles(options.folder);
    const body = (await files).get(url.pathname);
    const policed = {
      ...headers,
      'Content-Security-Policy': displayPolicy(options.uiOrigin, url.pathname),
    };
    if (body === undefined) return { status: 404, headers: policed, body: null };
    const type = TYPES[extname(url.pathname)] ?? 'application/octet-stream';
    return { status: 200, headers: { ...policed, 'Content-Type': type }, body };
  };
}

/** By URL path. Only what lies in the folder can be asked for: paths are compared, not resolved. */
async function readFiles(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Map(
    await Promise.all(
      files.map(async (entry): Promise<[string, Uint8Array]> => {
        const path = join(entry.parentPath, entry.name);
        return [`/${relative(folder, path).split(sep).join('/')}`, await readFile(path)];
      }),
    ),
  );
}
