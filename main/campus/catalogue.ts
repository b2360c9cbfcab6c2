/** Which entries of the manifest a person sees on this kiosk: pure functions. */
import { z } from 'zod';
import type { Manifest, ManifestEntry } from '../base/manifest.ts';

/** The answer of the `catalogue` endpoint: which entries, in which order. */
export const PersonalCatalogue = z.object({ entries: z.array(z.string().max(128)).max(2000) });

export interface Viewer {
  readonly kind: 'guest' | 'member' | 'admin';
  readonly groups: readonly string[];
}

/**
 * The entries for this room and these groups, in the manifest's order; where the campus gave a
 * personal catalogue, only those it lists, in its order. It may narrow and sort, never add: its
 * answer is not signed, so that it cannot bring a machine or an address that the manifest lacks,
 * nor one that is not for this person's groups.
 *
 * @param roomId null: this computer is in no known room and sees what is for all rooms
 * @param personal null: no personal catalogue is known
 */
export function entriesFor(
  manifest: Manifest,
  viewer: Viewer,
  roomId: string | null,
  personal: readonly string[] | null,
): ManifestEntry[] {
  const groups = viewer.kind === 'guest' ? ['guest'] : viewer.groups;
  const visible = manifest.catalogue.filter(
    (entry) =>
      (entry.groups === undefined || entry.groups.some((group) => groups.includes(group))) &&
      (entry.rooms === undefined || (roomId !== null && entry.rooms.includes(roomId))),
  );
  if (personal === null) return visible;
  const byId = new Map(visible.map((entry) => [entry.id, entry]));
  return [...new Set(personal)].flatMap((id) => byId.get(id) ?? []);
}
