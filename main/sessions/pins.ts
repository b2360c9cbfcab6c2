/** Certificates that this kiosk met first, and believes from then on. */
import type { KeptCertificate } from '../../preload/contract/model.ts';
import { type Database, openDatabase } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';

export interface PinStore {
  /** SHA-256 of the certificate first met at this place. */
  get(host: string, port: number): string | undefined;
  /** Keeps the first one; a later call changes nothing. */
  keep(host: string, port: number, fingerprint: string): void;
  /** By host and port. */
  list(): KeptCertificate[];
  /** What the server shows next counts as met first; nothing where none was kept. */
  forget(host: string, port: number): void;
  close(): void;
}

const MIGRATIONS = [
  `CREATE TABLE pin (
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (host, port)
  ) WITHOUT ROWID, STRICT`,
];

/**
 * @param options.path the SQLite file
 * @throws KioskError as `openDatabase` does
 */
export function openPinStore(options: {
  readonly path: string;
  readonly now: () => number;
  readonly log: Logger;
}): PinStore {
  const database: Database = openDatabase({
    path: options.path,
    migrations: MIGRATIONS,
    log: options.log,
  });
  const find = database
    .prepare<[string, number], string>('SELECT fingerprint FROM pin WHERE host = ? AND port = ?')
    .pluck();
  const insert = database.prepare<[string, number, string, number]>(
    'INSERT INTO pin VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const all = database.prepare<[], KeptCertificate>(
    'SELECT host, port, fingerprint, first_seen AS firstSeenAt FROM pin ORDER BY host, port',
  );
  const remove = database.prepare<[string, number]>('DELETE FROM pin WHERE host = ? AND port = ?');
  return {
    get: (host, port) => find.get(host.toLowerCase(), port),
    keep(host, port, fingerprint) {
      insert.run(host.toLowerCase(), port, fingerprint, options.now());
    },
    list: () => all.all(),
    forget(host, port) {
      const { changes } = remove.run(host.toLowerCase(), port);
      if (changes > 0) options.log.warn('a kept certificate was forgotten', { host, port });
    },
    close: () => void database.close(),
  };
}
