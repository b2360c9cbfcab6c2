/**
 * What the page sees as one picture: the kiosk's state and the tiles, put together from the
 * features and told again whenever one of them changes. Several changes in one turn of the event
 * loop make one event.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EventName, EventPayload } from '../../preload/contract/contract.ts';
import type {
  CatalogueEntry,
  KioskState,
  Locale,
  Person,
  Preferences,
  SessionKind,
} from '../../preload/contract/model.ts';
import type { ManifestEntry } from '../base/manifest.ts';
import type { Campus } from '../campus/api.ts';
import { type ImageStatus, toCatalogueEntry } from './catalogue-view.ts';

export interface KioskViewSources {
  readonly campus: Campus;
  readonly identity: () => { readonly id: string; readonly name: string };
  /** Overrides of the campus's own idea of where this computer stands. */
  readonly place: () => { readonly room: string | null; readonly seat: string | null };
  readonly ui: () => KioskState['ui'];
  readonly person: () => Person | null;
  readonly home: () => KioskState['home'];
  readonly preferences: () => Preferences;
  readonly locales: () => readonly Locale[];
  readonly guests: () => boolean;
  readonly members: () => boolean;
  readonly warnings: () => KioskState['warnings'];
  readonly signOutAt: () => number | null;
  readonly returnChord: string;
  readonly image: (id: string) => ImageStatus | undefined;
  readonly savedAt: (entryId: string) => number | null;
  readonly engines: ReadonlySet<SessionKind>;
  readonly emit: <N extends EventName>(event: N, payload: EventPayload<N>) => void;
}

export class KioskView {
  readonly #sources: KioskViewSources;
  #scheduled = false;
  #lastState: KioskState | undefined;
  #lastCatalogue: CatalogueEntry[] | undefined;

  constructor(sources: KioskViewSources) {
    this.#sources = sources;
  }

  state(): KioskState {
    const { campus, ...sources } = this.#sources;
    const manifest = campus.manifest?.manifest;
    const { link } = campus;
    const place = campus.place();
    const override = sources.place();
    const roomName = place.room?.name ?? null;
    const { locale } = sources.preferences();
    return {
      kiosk: {
        ...sources.identity(),
        room: override.room ?? (roomName === null ? null : inLocale(roomName, locale)),
        seat: override.seat ?? place.seat,
      },
      campus: {
        name: manifest?.campus.name ?? null,
        link: link.state,
        since: link.since,
        dataAsOf: link.dataAsOf,
        error: link.error,
      },
      ui: sources.ui(),
      person: sources.person(),
      home: sources.home(),
      signIn: { guests: sources.guests(), members: sources.members() },
      preferences: sources.preferences(),
      locales: [...sources.locales()],
      outbox: campus.outboxCount,
      returnChord: sources.returnChord,
      signOutAt: sources.signOutAt(),
      warnings: [...sources.warnings()],
    };
  }

  /** The tiles of the person who is signed in; empty without one. */
  catalogue(): CatalogueEntry[] {
    const { campus, image, savedAt, engines } = this.#sources;
    const online = campus.link.state === 'online';
    return this.entries().map((entry) =>
      toCatalogueEntry(entry, { image, savedAt, engines, online }),
    );
  }

  /** The entries behind the tiles: what this person may start here. */
  entries(): ManifestEntry[] {
    const person = this.#sources.person();
    return person === null ? [] : this.#sources.campus.catalogueFor(person);
  }

  /** Something that the view is made of may have changed. */
  readonly touch = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#tell();
    });
  };

  #tell(): void {
    const state = this.state();
    if (!isDeepStrictEqual(state, this.#lastState)) {
      this.#lastState = state;
      this.#sources.emit('state.changed', state);
    }
    const catalogue = this.catalogue();
    if (!isDeepStrictEqual(catalogue, this.#lastCatalogue)) {
      this.#lastCatalogue = catalogue;
      this.#sources.emit('catalogue.changed', catalogue);
    }
  }
}

/** The text in this language, else in English, else in the first there is. */
export function inLocale(text: NonNullable<KioskState['campus']['name']>, locale: Locale): string {
  if (typeof text === 'string') return text;
  return text[locale] ?? text.en ?? Object.values(text)[0] ?? '';
}
