/** The words of a tile. */
import type { CatalogueEntry, Session } from '../../../preload/contract/model.ts';
import type { I18n } from '../../i18n/i18n.tsx';
import { isEnding, isStarting } from '../../store/sessions.ts';

export interface TileState {
  readonly tone: 'ready' | 'busy' | 'no';
  readonly text: string;
  /** What pressing does; null: nothing can be started. */
  readonly action: string | null;
}

/** What kind of session it is: the campus's own words, or ours. */
export function describeKind(i18n: I18n, entry: CatalogueEntry): string {
  const { t, format } = i18n;
  if (entry.subtitle !== null) return format.text(entry.subtitle);
  switch (entry.kind) {
    case 'vm':
      if (entry.machines > 1) return t.tile.vmGroup(entry.machines);
      return [t.tile.vm, describeVersion(i18n, entry)].filter(Boolean).join(' · ');
    case 'spice':
      return t.tile.spice;
    case 'rdp':
      return t.tile.rdp;
    case 'web':
      return entry.savedAt === null ? t.tile.web : t.tile.webSaved;
  }
}

function describeVersion({ t }: I18n, { version }: CatalogueEntry): string {
  const current = version?.current ?? null;
  const next = version?.next ?? null;
  if (current !== null && next !== null && current !== next) {
    return t.tile.version(`${current} → ${next}`);
  }
  const known = current ?? next;
  return known === null ? '' : t.tile.version(known);
}

/** What can be done with it now. */
export function describeState(
  { t, format }: I18n,
  what: {
    readonly entry: CatalogueEntry;
    readonly session: Session | undefined;
    readonly starting: boolean;
    readonly online: boolean;
    readonly now: number;
  },
): TileState {
  const { entry, session } = what;
  if (session !== undefined && isEnding(session)) {
    return { tone: 'busy', text: t.session.stopping, action: t.tile.return };
  }
  if (session !== undefined && !isStarting(session)) {
    return { tone: 'ready', text: t.tile.running, action: t.tile.return };
  }
  if (session !== undefined) return { tone: 'busy', text: t.tile.starting, action: t.tile.return };
  if (what.starting) return { tone: 'busy', text: t.tile.starting, action: null };

  const { availability } = entry;
  switch (availability.state) {
    case 'ready':
      return {
        tone: 'ready',
        text: readyText(),
        action: entry.kind === 'web' ? t.tile.open : t.tile.start,
      };
    case 'updating': {
      const percent = format.percent(availability.progress);
      const current = entry.version?.current ?? null;
      const text = availability.startable ? t.tile.updating(percent) : t.tile.arriving(percent);
      return {
        tone: 'busy',
        text:
          availability.secondsLeft === null
            ? text
            : `${text} · ${t.tile.timeLeft(format.duration(availability.secondsLeft))}`,
        action: availability.startable
          ? current === null
            ? t.tile.start
            : t.tile.startVersion(current)
          : null,
      };
    }
    case 'needs-network':
      return { tone: 'no', text: t.tile.needsNetwork, action: null };
    case 'unavailable':
      return { tone: 'no', text: t.tile.unavailable, action: null };
  }

  function readyText(): string {
    if (availability.state === 'ready' && !availability.offline) return t.tile.ready;
    // While the network is there, the live pages are shown and not the copy.
    return entry.savedAt !== null && !what.online
      ? t.tile.saved(format.moment(entry.savedAt, what.now))
      : t.tile.readyOffline;
  }
}
