/**
 * What a synchronisation does, decided from three trees: here, the storage, and the ledger of what
 * both had last time. Pure. The rule above all others: what somebody wrote is never thrown away.
 */
import type { Ledger } from './ledger.ts';
import type { LocalTree } from './tree.ts';

interface RemoteFile {
  readonly kind: 'file';
  readonly size: number;
  /** Changes whenever the content does: the entity tag, or what stands for it. */
  readonly version: string;
}

export type RemoteEntry = RemoteFile | { readonly kind: 'folder' };
export type RemoteTree = ReadonlyMap<string, RemoteEntry>;

export type Action =
  | { readonly type: 'make-local-folder' | 'make-remote-folder'; readonly path: string }
  | { readonly type: 'remove-local-folder' | 'remove-remote-folder'; readonly path: string }
  /** `replaces`: the version on the storage that is known and may be overwritten; null: none. */
  | { readonly type: 'upload'; readonly path: string; readonly replaces: string | null }
  | { readonly type: 'download'; readonly path: string; readonly version: string }
  | { readonly type: 'remove-local'; readonly path: string }
  | { readonly type: 'remove-remote'; readonly path: string; readonly version: string }
  /** Both changed: both are kept, unless they turn out to be the same. */
  | { readonly type: 'conflict'; readonly path: string; readonly version: string }
  /** A file here and a folder there: the one here moves aside. */
  | { readonly type: 'move-aside'; readonly path: string }
  /** Gone on both sides. */
  | { readonly type: 'forget'; readonly path: string };

/** From here on, deletions are many enough to look like an accident. */
const MANY = 20;

export interface SyncPlan {
  /** In an order that can be carried out: folders before what is in them, removals last. */
  readonly actions: readonly Action[];
  /** More than half of what was known has vanished on one side: nothing is removed, all comes back. */
  readonly suspicious: boolean;
}

/** Pure: what has to be done on either side so that both hold the same. */
export function planSync(local: LocalTree, remote: RemoteTree, ledger: Ledger): SyncPlan {
  const suspicious = vanished(ledger, local) || vanished(ledger, remote);
  // Without a ledger both sides are united.
  const base: Ledger = suspicious ? withoutVanished(ledger, local, remote) : ledger;
  const paths = new Set([...local.keys(), ...remote.keys(), ...ledger.keys()]);
  const actions = [...paths].flatMap((path) => {
    const action = decide(path, local, remote, base);
    return action === undefined ? [] : [action];
  });
  return { actions: actions.sort(inOrder), suspicious };
}

function decide(
  path: string,
  local: LocalTree,
  remote: RemoteTree,
  ledger: Ledger,
): Action | undefined {
  const here = local.get(path);
  const there = remote.get(path);
  const before = ledger.get(path);
  if (!here && !there) return { type: 'forget', path };
  if (here?.kind === 'folder' && there?.kind === 'folder') return undefined;
  if (here && there && here.kind !== there.kind) return { type: 'move-aside', path };
  if (here?.kind === 'folder') {
    return before?.kind === 'folder'
      ? { type: 'remove-local-folder', path }
      : { type: 'make-remote-folder', path };
  }
  if (there?.kind === 'folder') {
    return before?.kind === 'folder'
      ? { type: 'remove-remote-folder', path }
      : { type: 'make-local-folder', path };
  }
  const known = before?.kind === 'file' ? before : undefined;
  const changedHere =
    !known || !here || here.size !== known.size || here.modified !== known.modified;
  const changedThere = !known || !there || there.version !== known.version;
  if (here && there) {
    if (!changedHere && !changedThere) return undefined;
    if (!changedThere) return { type: 'upload', path, replaces: there.version };
    if (!changedHere) return { type: 'download', path, version: there.version };
    return { type: 'conflict', path, version: there.version };
  }
  // A change outlives a deletion.
  if (here) {
    return known && !changedHere
      ? { type: 'remove-local', path }
      : { type: 'upload', path, replaces: null };
  }
  if (!there) return undefined;
  return known && !changedThere
    ? { type: 'remove-remote', path, version: there.version }
    : { type: 'download', path, version: there.version };
}

function vanished(ledger: Ledger, tree: ReadonlyMap<string, unknown>): boolean {
  const files = [...ledger].filter(([, entry]) => entry.kind === 'file');
  const gone = files.filter(([path]) => !tree.has(path)).length;
  return gone >= MANY && gone > files.length / 2;
}

function withoutVanished(ledger: Ledger, local: LocalTree, remote: RemoteTree): Ledger {
  return new Map([...ledger].filter(([path]) => local.has(path) && remote.has(path)));
}

const RANK: Readonly<Record<Action['type'], number>> = {
  'move-aside': 0,
  'make-local-folder': 1,
  'make-remote-folder': 1,
  conflict: 2,
  upload: 2,
  download: 2,
  forget: 3,
  'remove-local': 4,
  'remove-remote': 4,
  'remove-local-folder': 5,
  'remove-remote-folder': 5,
};

function inOrder(a: Action, b: Action): number {
  const rank = RANK[a.type] - RANK[b.type];
  if (rank !== 0) return rank;
  // Parents are made before their children and removed after them.
  const byPath = a.path < b.path ? -1 : 1;
  return RANK[a.type] === 5 ? -byPath : byPath;
}

/**
 * The name under which the version of this computer is kept: `notes (seat 12, 2026-11-21 14.05).txt`.
 * @param taken whether a name is in use already
 */
export function asideName(
  path: string,
  where: string,
  at: Date,
  taken: (path: string) => boolean,
): string {
  const slash = path.lastIndexOf('/') + 1;
  const name = path.slice(slash);
  const dot = name.lastIndexOf('.');
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
  const stamp = at.toISOString().slice(0, 16).replace('T', ' ').replace(':', '.');
  const place = where.replaceAll(/[^\p{L}\p{N} ._-]/gu, '').slice(0, 40);
  for (let count = 1; ; count++) {
    const note = ` (${place}, ${stamp}${count > 1 ? `, ${count}` : ''})`;
    const candidate = `${path.slice(0, slash)}${stem.slice(0, 80)}${note}${extension.slice(0, 20)}`;
    if (!taken(candidate)) return candidate;
  }
}
