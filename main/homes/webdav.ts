/**
 * The campus's storage over WebDAV (RFC 4918), one folder a person. Writes are conditional
 * (RFC 9110, If-Match), so that two computers never overwrite each other unseen; folders are
 * listed one by one, since many servers refuse `Depth: infinity`.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Agent, Dispatcher, request } from 'undici';
import { fromDiskError, KioskError } from '../base/errors.ts';
import type { Found } from './multistatus.ts';
import type { RemoteEntry, RemoteTree } from './plan.ts';

const MAX_LISTING = 32 * 1024 * 1024;
const MAX_ENTRIES = 200_000;
const PATIENCE_MS = 20_000;

const PROPERTIES = `<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:getcontentlength/><d:getetag/><d:getlastmodified/></d:prop></d:propfind>`;

export interface WebdavOptions {
  /** The person's folder, http(s), with a slash at its end. */
  readonly url: string;
  /** `Authorization` of each request (RFC 7617); never logged. */
  readonly authorization: () => string;
  /** PEM of the campus's own authority; absent: Node's list. */
  readonly ca?: string | undefined;
  readonly userAgent: string;
}

type Method = 'PROPFIND' | 'GET' | 'PUT' | 'DELETE' | 'MKCOL';

interface Exchange {
  readonly headers?: Record<string, string>;
  readonly body?: string | Readable;
  readonly accept: readonly number[];
  readonly signal: AbortSignal;
}

interface Client {
  readonly agent: Agent;
  readonly request: typeof request;
}

/** Loaded with the first visit: the kiosk's first picture does not wait for it. */
async function connect({ ca }: WebdavOptions): Promise<Client> {
  const { Agent, request } = await import('undici');
  const agent = new Agent({
    connections: 4,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
    connect: { timeout: PATIENCE_MS, ...(ca === undefined ? {} : { ca }) },
  });
  return { agent, request };
}

export class Webdav {
  readonly #options: WebdavOptions;
  #client: Promise<Client> | undefined;

  constructor(options: WebdavOptions) {
    this.#options = options;
  }

  /**
   * Everything in the person's folder, which is made where it is missing.
   * @throws KioskError `HOME_STORAGE_REFUSED`, `CAMPUS_*`
   */
  async list(signal: AbortSignal): Promise<RemoteTree> {
    const tree = new Map<string, RemoteEntry>();
    const folders = [''];
    for (let path = folders.shift(); path !== undefined; path = folders.shift()) {
      for (const [name, entry] of await this.#children(path, signal)) {
        const at = path === '' ? name : `${path}/${name}`;
        if (tree.size >= MAX_ENTRIES) throw broken('it lists too many files');
        tree.set(at, entry);
        if (entry.kind === 'folder') folders.push(at);
      }
    }
    return tree;
  }

  async #children(path: string, signal: AbortSignal): Promise<Map<string, RemoteEntry>> {
    const answer = await this.#send('PROPFIND', path, true, {
      headers: { depth: '1', 'content-type': 'application/xml; charset=utf-8' },
      body: PROPERTIES,
      accept: path === '' ? [207, 404] : [207],
      signal,
    });
    const body = await readText(answer.body);
    if (answer.statusCode === 404) {
      await this.makeFolder('', signal);
      return new Map();
    }
    const { listed, parseMultistatus } = await import('./multistatus.ts');
    return listed(parseMultistatus(body), this.#url(path, true).pathname);
  }

  /**
   * Writes a download into a new file.
   * @returns the version that was read
   */
  async download(path: string, into: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#send('GET', path, false, { accept: [200], signal });
    const file = await open(into, 'w', 0o600);
    try {
      for await (const part of answer.body) await file.write(part);
      await file.sync();
    } catch (error) {
      throw unreachable(fromDiskError(error, "fetching a person's file"), signal);
    } finally {
      await file.close();
    }
    return versionOf(answer.headers.etag);
  }

  /**
   * Sends a file.
   * @param replaces the version that may be overwritten; null: there must be none
   * @returns the new version, or null where another computer was faster
   * @throws KioskError `HOME_STORAGE_FULL`, `HOME_STORAGE_REFUSED`, `CAMPUS_*`
   */
  async upload(
    path: string,
    from: string,
    size: number,
    replaces: string | null,
    signal: AbortSignal,
  ): Promise<string | null> {
    // Asked before: a weak tag cannot be a condition, and the file is not sent in vain.
    const current = await this.#look(path, signal);
    if ((current?.version ?? null) !== replaces) return null;
    const answer = await this.#send('PUT', path, false, {
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(size),
        ...(current === null ? { 'if-none-match': '*' } : onlyIf(current)),
      },
      // A file that grows while it is sent is sent as it was: HTTP has promised its length.
      body: size === 0 ? '' : createReadStream(from, { end: size - 1 }),
      accept: [200, 201, 204, 412],
      signal,
    });
    await answer.body.dump();
    if (answer.statusCode === 412) return null;
    return versionOf(answer.headers.etag) ?? (await this.version(path, signal));
  }

  /** @returns false where the file has changed there meanwhile: it stays */
  async remove(path: string, version: string, signal: AbortSignal): Promise<boolean> {
    const current = await this.#look(path, signal);
    if (current === null) return true;
    if (current.version !== version) return false;
    const answer = await this.#send('DELETE', path, false, {
      headers: onlyIf(current),
      accept: [200, 204, 404, 412],
      signal,
    });
    await answer.body.dump();
    return answer.statusCode !== 412;
  }

  /** One that is there already is as good. */
  async makeFolder(path: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#send('MKCOL', path, true, { accept: [201, 405], signal });
    await answer.body.dump();
  }

  /** Removes a folder that is empty; others stay. */
  async removeFolder(path: string, signal: AbortSignal): Promise<void> {
    // DELETE takes what is inside along (RFC 4918, 9.6.1).
    if ((await this.#children(path, signal)).size > 0) return;
    const answer = await this.#send('DELETE', path, true, { accept: [200, 204, 404], signal });
    await answer.body.dump();
  }

  /** null where there is no such file. */
  async version(path: string, signal: AbortSignal): Promise<string | null> {
    return (await this.#look(path, signal))?.version ?? null;
  }

  async #look(path: string, signal: AbortSignal): Promise<Found | null> {
    const answer = await this.#send('PROPFIND', path, false, {
      headers: { depth: '0', 'content-type': 'application/xml; charset=utf-8' },
      body: PROPERTIES,
      accept: [207, 404],
      signal,
    });
    const body = await readText(answer.body);
    if (answer.statusCode === 404) return null;
    const { parseMultistatus } = await import('./multistatus.ts');
    return parseMultistatus(body)[0] ?? null;
  }

  async close(): Promise<void> {
    await (await this.#client)?.agent.close();
  }

  #url(path: string, folder: boolean): URL {
    const written = path.split('/').map(encodeURIComponent).join('/');
    return new URL(folder && path !== '' ? `${written}/` : written, this.#options.url);
  }

  async #send(
    method: Method,
    path: string,
    folder: boolean,
    { headers = {}, body, accept, signal }: Exchange,
  ): Promise<Dispatcher.ResponseData> {
    this.#client ??= connect(this.#options);
    const client = await this.#client;
    let answer: Dispatcher.ResponseData;
    try {
      answer = await client.request(this.#url(path, folder), {
        // undici's type lists the methods of HTTP; those of WebDAV are extensions.
        method: method as Dispatcher.HttpMethod,
        headers: {
          'user-agent': this.#options.userAgent,
          authorization: this.#options.authorization(),
          ...headers,
        },
        body: body ?? null,
        signal,
        dispatcher: client.agent,
      });
    } catch (error) {
      throw unreachable(error, signal);
    }
    if (accept.includes(answer.statusCode)) return answer;
    await answer.body.dump();
    throw refusal(answer.statusCode);
  }
}

/** The entity tag without its strength: a file server's tag turns strong a second after a write. */
function versionOf(tag: string | string[] | undefined): string | undefined {
  const text = Array.isArray(tag) ? tag[0] : tag;
  return text?.replace(/^W\//, '').replaceAll('"', '') || undefined;
}

function onlyIf({ tag }: Found): Record<string, string> {
  return tag === null ? {} : { 'if-match': tag };
}

async function readText(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += (part as Uint8Array).length;
    if (length > MAX_LISTING) throw broken('its answer is too long');
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts).toString('utf8');
}

function refusal(status: number): KioskError {
  const details = { status };
  if (status === 401 || status === 403) {
    return new KioskError('HOME_STORAGE_REFUSED', `The storage refuses the person (${status}).`, {
      details,
    });
  }
  if (status === 507 || status === 413) {
    return new KioskError('HOME_STORAGE_FULL', `The storage has no room left (${status}).`, {
      details,
    });
  }
  return new KioskError('CAMPUS_HTTP_ERROR', `The storage answered ${status}.`, { details });
}

function unreachable(error: unknown, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  if (error instanceof KioskError) return error;
  return new KioskError('CAMPUS_UNREACHABLE', 'The storage cannot be reached.', { cause: error });
}

function broken(why: string): KioskError {
  return new KioskError('CAMPUS_BAD_RESPONSE', `The storage cannot be understood: ${why}.`);
}
