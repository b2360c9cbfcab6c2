/** The persons who may sign in here without the campus, as the campus last described them. */
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Database } from '../database/database.ts';

export const MIGRATIONS = [
  `CREATE TABLE offline_logins (
     name        TEXT PRIMARY KEY,
     person_id   TEXT NOT NULL,
     person_name TEXT NOT NULL,
     kind        TEXT NOT NULL,
     groups      TEXT NOT NULL,
     verifier    TEXT NOT NULL,
     online_at   INTEGER NOT NULL,
     days        INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX offline_logins_person ON offline_logins (person_id);
   CREATE TABLE attempts (
     name     TEXT PRIMARY KEY,
     failures INTEGER NOT NULL,
     last_at  INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE preferences (
     person_id TEXT PRIMARY KEY,
     value     TEXT NOT NULL
   ) STRICT;
   CREATE TABLE high_water (
     id  INTEGER PRIMARY KEY CHECK (id = 1),
     now INTEGER NOT NULL
   ) STRICT;`,
];

export interface OfflineLogin {
  readonly personId: string;
  readonly personName: string;
  readonly kind: 'member' | 'admin';
  readonly groups: readonly string[];
  readonly verifier: string;
  /** When the campus last accepted the person's password on this kiosk. */
  readonly onlineAt: number;
  /** Days after that in which it counts here. */
  readonly days: number;
}

const Row = z
  .object({
    person_id: z.string(),
    person_name: z.string(),
    kind: z.enum(['member', 'admin']),
    groups: z.string(),
    verifier: z.string(),
    online_at: z.int(),
    days: z.int(),
  })
  .transform((row) => ({
    personId: row.person_id,
    personName: row.person_name,
    kind: row.kind,
    groups: z.array(z.string()).parse(JSON.parse(row.groups)),
    verifier: row.verifier,
    onlineAt: row.online_at,
    days: row.days,
  }));

const DAY_MS = 24 * 60 * 60_000;

export class OfflineLogins {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  find(name: string): OfflineLogin | undefined {
    const row = this.#database.prepare('SELECT * FROM offline_logins WHERE name = ?').get(name);
    return row === undefined ? undefined : Row.parse(row);
  }

  keep(name: string, login: OfflineLogin): void {
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO offline_logins
           (name, person_id, person_name, kind, groups, verifier, online_at, days)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        name,
        login.personId,
        login.personName,
        login.kind,
        JSON.stringify(login.groups),
        login.verifier,
        login.onlineAt,
        login.days,
      );
    // The campus answered: whatever time was believed before, this one counts now. A clock that
    // ran ahead once would else end offline sign-in on this kiosk for good.
    this.#database
      .prepare('INSERT OR REPLACE INTO high_water (id, now) VALUES (1, ?)')
      .run(this.#clock.now());
  }

  /** Removes a person, whatever names were used to sign in. */
  forget(personId: string): void {
    this.#database.prepare('DELETE FROM offline_logins WHERE person_id = ?').run(personId);
  }

  /**
   * Whether it still counts.
   * @param limit the days that policy allows now; the stricter of both applies
   */
  valid(login: OfflineLogin, limit: number): boolean {
    return this.#notBefore() - login.onlineAt < Math.min(login.days, limit) * DAY_MS;
  }

  /**
   * The latest time that this kiosk has seen: a clock that is set back (or a dead battery) does
   * not bring an expired login back.
   */
  #notBefore(): number {
    const { now } = z.object({ now: z.int() }).parse(
      this.#database
        .prepare(
          `INSERT INTO high_water (id, now) VALUES (1, ?)
           ON CONFLICT (id) DO UPDATE SET now = max(now, excluded.now) RETURNING now`,
        )
        .get(this.#clock.now()),
    );
    return now;
  }
}
