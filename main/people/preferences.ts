/** Language, contrast and text size: kept per person, and for the sign-in screen until it ends. */
import { Preferences } from '../../preload/contract/model.ts';
import { fromDiskError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';

/** As the page sends it: what is absent or undefined stays as it is. */
export type PreferencesChange = { readonly [K in keyof Preferences]?: Preferences[K] | undefined };

export class PreferenceBook {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #defaults: () => Preferences;
  /** Of whoever is at the screen now. */
  #chosen: PreferencesChange = {};
  #personId: string | null = null;

  constructor(database: Database, log: Logger, defaults: () => Preferences) {
    this.#database = database;
    this.#log = log;
    this.#defaults = defaults;
  }

  get current(): Preferences {
    const defaults = this.#defaults();
    const { locale, highContrast, textScale, reducedMotion } = this.#chosen;
    return {
      locale: locale ?? defaults.locale,
      highContrast: highContrast ?? defaults.highContrast,
      textScale: textScale ?? defaults.textScale,
      reducedMotion: reducedMotion ?? defaults.reducedMotion,
    };
  }

  /** What was chosen on the sign-in screen goes with a person who never chose before. */
  signedIn(personId: string, remembered: boolean): void {
    this.#personId = remembered ? personId : null;
    this.#chosen = { ...this.#chosen, ...(remembered ? this.#read(personId) : {}) };
  }

  signedOut(): void {
    this.#personId = null;
    this.#chosen = {};
  }

  /** In force at once, and on disk where there is a person to keep it for. */
  set(change: PreferencesChange): Preferences {
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    this.#chosen = { ...this.#chosen, ...Object.fromEntries(given) };
    if (this.#personId !== null) this.#write(this.#personId);
    return this.current;
  }

  #read(personId: string): PreferencesChange {
    try {
      const value = this.#database
        .prepare('SELECT value FROM preferences WHERE person_id = ?')
        .pluck()
        .get(personId);
      return typeof value === 'string' ? Preferences.partial().parse(JSON.parse(value)) : {};
    } catch (error) {
      this.#log.warn('The preferences of a person could not be read.', { error });
      return {};
    }
  }

  #write(personId: string): void {
    try {
      this.#database
        .prepare('INSERT OR REPLACE INTO preferences (person_id, value) VALUES (?, ?)')
        .run(personId, JSON.stringify(this.#chosen));
    } catch (error) {
      this.#log.warn('The preferences of a person could not be kept.', {
        error: fromDiskError(error, 'keeping preferences'),
      });
    }
  }
}
