/** What a tile says: the campus's entries joined with what this computer has and can reach. */
import type { WireError } from '../../preload/contract/errors.ts';
import type { Availability, CatalogueEntry, SessionKind } from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import type { ManifestEntry } from '../base/manifest.ts';

/** An image as the tiles need it; `main/images` answers it. */
export interface ImageStatus {
  /** The version that a start would use now; null: none is complete. */
  readonly current: string | null;
  /** The version that is on its way; null: none. */
  readonly next: string | null;
  /** 0 to 1, of `next`; null: it is not under way. */
  readonly progress: number | null;
  readonly secondsLeft: number | null;
  /** Why `next` does not arrive, or `current` does not start. */
  readonly error: WireError | null;
}

export interface CatalogueSources {
  /** undefined: no such image in the manifest. */
  image(id: string): ImageStatus | undefined;
  /** When the entry's pages were last saved for offline use; null: never. */
  savedAt(entryId: string): number | null;
  readonly online: boolean;
  /** Kinds that this computer has an engine for. */
  readonly engines: ReadonlySet<SessionKind>;
}

const COLOURS = ['#1f5fd6', '#17795e', '#7a3fb4', '#b4533f', '#8a5a00', '#0f6d86'] as const;

/** The entry as the page sees it. Pure: the same inputs give the same tile. */
export function toCatalogueEntry(entry: ManifestEntry, sources: CatalogueSources): CatalogueEntry {
  const images = imagesOf(entry).map((id) => [id, sources.image(id)] as const);
  const first = images[0]?.[1];
  return {
    id: entry.id,
    kind: entry.kind,
    title: entry.title,
    subtitle: entry.subtitle ?? null,
    icon: entry.icon ?? { letters: initial(entry.title), colour: colourOf(entry.id) },
    version: first ? { current: first.current, next: first.next } : null,
    machines: entry.kind === 'vm' ? entry.machines.length : 1,
    savedAt: entry.kind === 'web' ? sources.savedAt(entry.id) : null,
    ...(entry.kind === 'vm' ? { keep: entry.keep } : {}),
    availability: availability(entry, images, sources),
  };
}

/** Images that the entry's machines boot from, each once. */
function imagesOf(entry: ManifestEntry): string[] {
  if (entry.kind !== 'vm') return [];
  return [...new Set(entry.machines.flatMap(({ image }) => (image === undefined ? [] : [image])))];
}

function availability(
  entry: ManifestEntry,
  images: readonly (readonly [string, ImageStatus | undefined])[],
  sources: CatalogueSources,
): Availability {
  if (!sources.engines.has(entry.kind)) {
    return unavailable('ENGINE_MISSING', 'This computer has no engine for such sessions.');
  }
  if (entry.kind === 'spice' || entry.kind === 'rdp') {
    return sources.online ? { state: 'ready', offline: false } : { state: 'needs-network' };
  }
  if (entry.kind === 'web') {
    const saved = sources.savedAt(entry.id) !== null;
    return sources.online || saved
      ? { state: 'ready', offline: saved }
      : { state: 'needs-network' };
  }
  const missing = images.find(([, status]) => status === undefined);
  if (missing) {
    return unavailable('MACHINE_IMAGE_MISSING', `The campus lists no image ${missing[0]}.`);
  }
  const known = images.flatMap(([, status]) => (status ? [status] : []));
  const startable = known.every(({ current }) => current !== null);
  const arriving = known.flatMap(({ next, progress, secondsLeft }) =>
    next === null || progress === null ? [] : [{ progress, secondsLeft }],
  );
  if (arriving.length > 0) {
    const seconds = arriving.map(({ secondsLeft }) => secondsLeft);
    return {
      state: 'updating',
      startable,
      progress: arriving.reduce((sum, { progress }) => sum + progress, 0) / arriving.length,
      secondsLeft: seconds.some((one) => one === null)
        ? null
        : Math.max(...seconds.map((one) => one ?? 0)),
    };
  }
  if (startable) return { state: 'ready', offline: true };
  const error = known.find((status) => status.current === null && status.error)?.error;
  if (error && sources.online) return { state: 'unavailable', error };
  return sources.online
    ? unavailable('MACHINE_IMAGE_MISSING', 'The disk image is not on this computer.')
    : { state: 'needs-network' };
}

function unavailable(
  code: 'ENGINE_MISSING' | 'MACHINE_IMAGE_MISSING',
  message: string,
): Availability {
  return { state: 'unavailable', error: new KioskError(code, message).toWire() };
}

function initial(title: ManifestEntry['title']): string {
  const text = typeof title === 'string' ? title : (title.en ?? Object.values(title)[0] ?? '?');
  return [...text.trim()][0]?.toUpperCase() ?? '?';
}

/** The same entry has the same colour on every kiosk. */
function colourOf(id: string): string {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return COLOURS[sum % COLOURS.length] ?? COLOURS[0];
}
