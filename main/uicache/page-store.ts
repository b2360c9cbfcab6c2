/** Kept answers: their headers and rules in SQLite, their bodies in the blob store. */
import { hash } from 'node:crypto';
import { z } from 'zod';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import type { OriginRequest } from './api.ts';
import type { BlobStore } from './blobs.ts';
import { matches, policyFromText, type Variant } from './page-policy.ts';

export const PAGE_TABLES = `
  CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    url TEXT NOT NULL,
    variant TEXT NOT NULL,
    policy TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    length INTEGER NOT NULL,
    used INTEGER NOT NULL,
    UNIQUE (collection, url, variant)
  ) STRICT;
  CREATE INDEX page_url ON page (url);
  CREATE TABLE collection (name TEXT PRIMARY KEY, saved_at INTEGER NOT NULL) STRICT;
`;

/** The collection of pages that were kept as people went along. */
export const VISITED = '';
/** Evicting goes on until this part of the bound is used, so that it does not happen at each page. */
const LOW_WATER = 0.9;

const VariantText = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(z.array(z.tuple([z.string(), z.string().nullable()])));
const HeadersText = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(z.record(z.string(), z.string()));

/** An answer to keep. */
export interface NewPage {
  readonly url: string;
  readonly variant: Variant;
  readonly policy: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A kept answer; its body is read on demand. */
export interface KeptPage {
  readonly id: number;
  readonly collection: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly policy: ReturnType<typeof policyFromText>;
  readonly sha256: string;
}

interface Row {
  readonly id: number;
  readonly collection: string;
  readonly variant: string;
  readonly policy: string;
  readonly status: number;
  readonly headers: string;
  readonly sha256: string;
}

export class PageStore {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #maxBytes: number;
  readonly #log: Logger;
  /** When pages were last shown; written down when room is made, and no loss otherwise. */
  readonly #used = new Map<number, number>();
  /** Blobs of pages that are being written: no row names them yet. */
  readonly #writing = new Map<string, number>();

  constructor(options: {
    readonly database: Database;
    readonly blobs: BlobStore;
    /** Bytes of visited pages; saved collections are bounded where they are saved. */
    readonly maxBytes: number;
    readonly log: Logger;
  }) {
    this.#database = options.database;
    this.#blobs = options.blobs;
    this.#maxBytes = options.maxBytes;
    this.#log = options.log;
  }

  /** Kept answers to this request: visited ones first, then saved ones, each the newest first. */
  find(request: OriginRequest): KeptPage[] {
    const rows = this.#database
      .prepare<[string], Row>('SELECT * FROM page WHERE url = ? ORDER BY collection, id DESC')
      .all(addressOf(request.url));
    return rows.flatMap((row) => {
      // A saved page was fetched for everybody: there is one of it.
      if (row.collection === VISITED && !matches(VariantText.parse(row.variant), request))
        return [];
      const { id, collection, status, sha256 } = row;
      const headers = HeadersText.parse(row.headers);
      return [{ id, collection, status, headers, sha256, policy: policyFromText(row.policy) }];
    });
  }

  /** The body; undefined where it is damaged: the page is then forgotten. */
  async body(page: KeptPage, now: number): Promise<Uint8Array | undefined> {
    const body = await this.#blobs.read(page.sha256);
    try {
      if (body !== undefined) this.#used.set(page.id, now);
      else this.#database.prepare('DELETE FROM page WHERE sha256 = ?').run(page.sha256);
    } catch (error) {
      this.#log.warn('a damaged page could not be struck off', { error });
    }
    return body;
  }

  /** Keeps visited pages, durably. @throws KioskError `DISK_FULL`, `DISK_READ_ONLY` */
  async keep(pages: readonly NewPage[], now: number): Promise<void> {
    await this.#write(pages, VISITED, now, () => {});
    await this.#evict();
  }

  /** Replaces a collection by these pages, whole or not at all. @throws as {@link keep} */
  async replace(collection: string, pages: readonly NewPage[], now: number): Promise<void> {
    await this.#write(pages, collection, now, () => {
      this.#database.prepare('DELETE FROM page WHERE collection = ?').run(collection);
      this.#database
        .prepare('INSERT OR REPLACE INTO collection VALUES (?, ?)')
        .run(collection, now);
    });
    await this.#sweep();
  }

  /** The server says that the kept body is still right. */
  refresh(id: number, policy: string, headers: Readonly<Record<string, string>>): void {
    this.#database
      .prepare('UPDATE page SET policy = ?, headers = ? WHERE id = ?')
      .run(policy, JSON.stringify(headers), id);
  }

  forget(id: number): void {
    this.#database.prepare('DELETE FROM page WHERE id = ?').run(id);
  }

  /** Forgets what was kept of an address as it was visited; saved pages stay. */
  invalidate(url: URL): void {
    this.#database
      .prepare('DELETE FROM page WHERE url = ? AND collection = ?')
      .run(addressOf(url), VISITED);
  }

  savedAt(collection: string): number | null {
    return (
      this.#database
        .prepare<[string], number>('SELECT saved_at FROM collection WHERE name = ?')
        .pluck()
        .get(collection) ?? null
    );
  }

  async keepOnly(collections: readonly string[]): Promise<void> {
    const known = this.#database
      .prepare<[], string>('SELECT name FROM collection')
      .pluck()
      .all()
      .filter((name) => !collections.includes(name));
    if (known.length === 0) return;
    this.#database.transaction(() => {
      for (const name of known) {
        this.#database.prepare('DELETE FROM page WHERE collection = ?').run(name);
        this.#database.prepare('DELETE FROM collection WHERE name = ?').run(name);
      }
    })();
    await this.#sweep();
  }

  async #write(
    pages: readonly NewPage[],
    collection: string,
    now: number,
    before: () => void,
  ): Promise<void> {
    const rows = pages.map((page) => ({ page, sha256: hash('sha256', page.body) }));
    for (const { sha256 } of rows) count(this.#writing, sha256, 1);
    try {
      for (const { page, sha256 } of rows) await this.#blobs.put(sha256, page.body);
      await this.#blobs.flush(() => this.#insert(rows, collection, now, before));
    } finally {
      for (const { sha256 } of rows) count(this.#writing, sha256, -1);
    }
  }

  #insert(
    rows: readonly { readonly page: NewPage; readonly sha256: string }[],
    collection: string,
    now: number,
    before: () => void,
  ): void {
    before();
    const insert = this.#database.prepare(
      'INSERT OR REPLACE INTO page VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    for (const { page, sha256 } of rows) {
      const { url, variant, policy, status, headers, body } = page;
      insert.run(
        collection,
        url,
        JSON.stringify(variant),
        policy,
        status,
        JSON.stringify(headers),
        sha256,
        body.length,
        now,
      );
    }
  }
  /** The visited pages that were unused for longest make room. */
  async #evict(): Promise<void> {
    const total = this.#database
      .prepare<[string], number>('SELECT total(length) FROM page WHERE collection = ?')
      .pluck()
      .get(VISITED);
    if (total === undefined || total <= this.#maxBytes) return;
    this.#noteUses();
    const oldest = this.#database
      .prepare<[string], { id: number; length: number }>(
        'SELECT id, length FROM page WHERE collection = ? ORDER BY used, id',
      )
      .all(VISITED);
    let left = total;
    const remove = this.#database.prepare('DELETE FROM page WHERE id = ?');
    this.#database.transaction(() => {
      for (const { id, length } of oldest) {
        if (left <= this.#maxBytes * LOW_WATER) return;
        remove.run(id);
        left -= length;
      }
    })();
    await this.#sweep();
  }

  #noteUses(): void {
    const note = this.#database.prepare('UPDATE page SET used = ? WHERE id = ?');
    this.#database.transaction(() => {
      for (const [id, used] of this.#used) note.run(used, id);
    })();
    this.#used.clear();
  }

  #sweep(): Promise<void> {
    return this.#blobs.sweep(() => {
      const rows = this.#database.prepare<[], string>('SELECT sha256 FROM page').pluck().all();
      return new Set([...rows, ...this.#writing.keys()]);
    });
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const left = (counts.get(key) ?? 0) + by;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}

/** Fragments are the page's own affair. */
export function addressOf(url: URL): string {
  const address = new URL(url);
  address.hash = '';
  return address.href;
}
