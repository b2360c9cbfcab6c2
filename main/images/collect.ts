/** Which versions to remove: a pure decision, so that it can be tested to the last case. */

export interface Collectable {
  readonly image: string;
  readonly root: string;
  /** Bytes that removing it frees at most. */
  readonly bytes: number;
  readonly committedAt: number;
  readonly current: boolean;
  readonly pinned: boolean;
  readonly inUse: boolean;
  /** The campus's manifest offers its image. */
  readonly listed: boolean;
}

export interface CollectPolicy {
  /** Versions of an image that stay beside the current one, the newest first. */
  readonly keepPrevious: number;
}

/**
 * Chooses versions to remove: those beyond `keepPrevious`, and while `needBytes` is not reached,
 * images that the campus no longer offers, then the previous versions that policy would keep;
 * the oldest first. Never what is pinned, in use, or the current version of an offered image.
 */
export function chooseCollection(
  versions: readonly Collectable[],
  policy: CollectPolicy,
  needBytes = 0,
): Collectable[] {
  const free = versions
    .filter(({ pinned, inUse, current, listed }) => !pinned && !inUse && !(current && listed))
    .sort((a, b) => a.committedAt - b.committedAt);
  const chosen = free.filter((version) => {
    const newer = versions.filter(
      (other) =>
        other.image === version.image && !other.current && other.committedAt > version.committedAt,
    );
    return !version.current && newer.length >= policy.keepPrevious;
  });
  let freed = chosen.reduce((sum, { bytes }) => sum + bytes, 0);
  const rest = free.filter((version) => !chosen.includes(version));
  for (const version of [
    ...rest.filter(({ listed }) => !listed),
    ...rest.filter(({ listed }) => listed),
  ]) {
    if (freed >= needBytes) break;
    chosen.push(version);
    freed += version.bytes;
  }
  return chosen;
}
