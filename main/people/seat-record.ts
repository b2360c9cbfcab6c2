/**
 * Who is at the screen, for a main that is started again while their machines run on: a file in
 * the runtime folder, which a restart of the computer empties. No secret is in it.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Person } from '../../preload/contract/model.ts';
import { errno } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';

export class SeatRecord {
  readonly #path: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** null where nobody was there, or the file cannot be believed. */
  read(): Person | null {
    try {
      return Person.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch (error) {
      if (errno(error) !== 'ENOENT') {
        this.#log.warn('who was at the screen cannot be read', { error });
      }
      return null;
    }
  }

  /** Never throws: without the record, a person signs in again. */
  write(person: Person | null): void {
    try {
      if (person === null) {
        rmSync(this.#path, { force: true });
        return;
      }
      writeFileSync(`${this.#path}.new`, JSON.stringify(person), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#log.warn('who is at the screen cannot be written', { error });
    }
  }
}
