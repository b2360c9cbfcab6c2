/** Which bundles there are and what they may do, in SQLite; their files are in the blob store. */
import { hash } from 'node:crypto';
import { type BundleFile, UiBundle } from '../base/manifest.ts';
import type { Database } from '../database/database.ts';

export const BUNDLE_TABLES = `
  CREATE TABLE bundle (
    digest TEXT PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('good', 'staged', 'refused')),
    description TEXT NOT NULL,
    trials INTEGER NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX one_of_each ON bundle (role) WHERE role <> 'refused';
`;

/** Refused versions that are remembered. */
const REFUSED_LIMIT = 100;

/** A bundle ready to be served. */
export interface LoadedBundle {
  /**
   * What the page gets, as one SHA-256: entry, paths, contents and types. The version's name and
   * its address are not part of it.
   */
  readonly digest: string;
  readonly bundle: UiBundle;
  readonly files: ReadonlyMap<string, BundleFile>;
}

/** Pure: nothing is read, only described. */
export function loadBundle(bundle: UiBundle): LoadedBundle {
  const files = new Map(bundle.files.map((file) => [file.path, file]));
  const content = [...files.values()]
    .map(({ path, sha256, type }) => [path, sha256, type ?? null])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return { digest: hash('sha256', JSON.stringify([bundle.entry, content])), bundle, files };
}

/** The text that is kept of a bundle, in the index and as a blob, and that blob's name. */
export function describe({ bundle }: LoadedBundle): { text: string; sha256: string } {
  const text = JSON.stringify(bundle);
  return { text, sha256: hash('sha256', text) };
}

/** Undefined where the text is no description of a bundle. */
export function parseDescription(text: string): LoadedBundle | undefined {
  try {
    return loadBundle(UiBundle.parse(JSON.parse(text)));
  } catch {
    return undefined;
  }
}

/** The caller flushes the blobs in the same transaction where that matters. */
export class BundleIndex {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(role: 'good' | 'staged'): LoadedBundle | undefined {
    const text = this.#database
      .prepare<[string], string>('SELECT description FROM bundle WHERE role = ?')
      .pluck()
      .get(role);
    return text === undefined ? undefined : parseDescription(text);
  }

  isRefused(digest: string): boolean {
    return (
      this.#database
        .prepare(`SELECT 1 FROM bundle WHERE digest = ? AND role = 'refused'`)
        .get(digest) !== undefined
    );
  }

  /** Waits to be tried, instead of another one that did. */
  stage(loaded: LoadedBundle, at: number): void {
    this.#database.prepare(`DELETE FROM bundle WHERE role = 'staged'`).run();
    this.#put(loaded, 'staged', at);
  }

  /** What is known to be good without having been tried here: only for an index made again. */
  restoreGood(loaded: LoadedBundle, at: number): void {
    this.#put(loaded, 'good', at);
  }

  /** Counts one more run that tries the staged version; answers how many there were with it. */
  countTrial(): number {
    return (
      this.#database
        .prepare<[], number>(
          `UPDATE bundle SET trials = trials + 1 WHERE role = 'staged' RETURNING trials`,
        )
        .pluck()
        .get() ?? 0
    );
  }

  /** The staged version becomes the good one. */
  commit(): void {
    this.#database.transaction(() => {
      this.#database.prepare(`DELETE FROM bundle WHERE role = 'good'`).run();
      this.#database.prepare(`UPDATE bundle SET role = 'good' WHERE role = 'staged'`).run();
    })();
  }

  /** The staged version is not tried again. */
  refuse(at: number): void {
    this.#database.transaction(() => {
      this.#database
        .prepare(
          `UPDATE bundle SET role = 'refused', description = '', at = ? WHERE role = 'staged'`,
        )
        .run(at);
      this.#database
        .prepare(
          `DELETE FROM bundle WHERE role = 'refused' AND digest NOT IN
           (SELECT digest FROM bundle WHERE role = 'refused' ORDER BY at DESC LIMIT ?)`,
        )
        .run(REFUSED_LIMIT);
    })();
  }

  unstage(): void {
    this.#database.prepare(`DELETE FROM bundle WHERE role = 'staged'`).run();
  }

  withdraw(): void {
    this.#database.prepare(`DELETE FROM bundle WHERE role IN ('good', 'staged')`).run();
  }

  /** Same content under another name or address. */
  rename(loaded: LoadedBundle): void {
    this.#database
      .prepare('UPDATE bundle SET description = ? WHERE digest = ?')
      .run(describe(loaded).text, loaded.digest);
  }

  #put(loaded: LoadedBundle, role: 'good' | 'staged', at: number): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO bundle VALUES (?, ?, ?, 0, ?)')
      .run(loaded.digest, role, describe(loaded).text, at);
  }
}
