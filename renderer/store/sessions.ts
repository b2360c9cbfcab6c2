/** What the screens derive from the list of sessions. */
import type { Session } from '../../preload/contract/model.ts';

/** Sessions of one click, in order of their machines; never empty. */
export type SessionGroup = readonly [Session, ...Session[]];

export function isActive({ state }: Session): boolean {
  return state !== 'stopped' && state !== 'failed';
}

/** Still on its way up. */
export function isStarting({ state }: Session): boolean {
  return state === 'preparing' || state === 'launching';
}

/** On its way down. */
export function isEnding({ state }: Session): boolean {
  return state === 'stopping' || state === 'killing';
}

/** Sessions by the click that started them, in the order of the list. */
export function groupSessions(sessions: readonly Session[]): SessionGroup[] {
  const groups = new Map<string, [Session, ...Session[]]>();
  for (const session of sessions) {
    const group = groups.get(session.groupId);
    if (group) group.push(session);
    else groups.set(session.groupId, [session]);
  }
  return [...groups.values()];
}

/** What one word has to say of a whole group: a failure first, then what still moves. */
export function groupState(group: SessionGroup): 'failed' | 'starting' | 'ending' | 'running' {
  if (group.some(({ state }) => state === 'failed')) return 'failed';
  if (group.some(isStarting)) return 'starting';
  if (group.every(isEnding)) return 'ending';
  return 'running';
}
