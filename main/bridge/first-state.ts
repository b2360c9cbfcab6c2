/**
 * The first picture of a start, before the features are loaded: what the start before it showed a
 * kiosk that nobody uses. The features correct it a moment later. Nothing of a person is in it, and
 * while somebody is signed in there is none: a main that is started again in the midst of a visit
 * shows that visit, or nothing.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { KioskState } from '../../preload/contract/model.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { errno } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import type { Logger } from '../log/logger.ts';

const File = z.object({ version: z.literal(VERSION), state: KioskState });

export class FirstState {
  readonly #path: string;
  readonly #log: Logger;
  readonly #clock: Clock;

  constructor(path: string, log: Logger, clock: Clock = systemClock) {
    this.#path = path;
    this.#log = log;
    this.#clock = clock;
  }

  /** Undefined at the first start, after an update, and where the file cannot be believed. */
  read(): KioskState | undefined {
    try {
      const { state } = File.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      return { ...state, campus: { ...state.campus, since: this.#clock.now() } };
    } catch (error) {
      if (errno(error) !== 'ENOENT') {
        this.#log.info("the last start's first picture is of no use", { error });
      }
      return undefined;
    }
  }

  /** Nobody is signed in. Never throws: without the file, a start is a little slower. */
  keep(state: KioskState): void {
    const begun: KioskState = {
      ...state,
      campus: { ...state.campus, link: 'connecting', error: null },
      person: null,
      home: null,
      signOutAt: null,
    };
    try {
      const text = JSON.stringify({ version: VERSION, state: begun });
      writeFileSync(`${this.#path}.new`, text, { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#log.warn('the first picture of the next start cannot be kept', { error });
    }
  }

  /** Somebody has signed in. */
  forget(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch (error) {
      this.#log.warn('the first picture of the next start cannot be removed', { error });
    }
  }
}
