import type { SessionState } from '../../preload/contract/model.ts';
import type { Table } from '../base/machine.ts';

export type SessionEvent =
  /** What it needs is at hand; the engine starts it. */
  | 'prepared'
  | 'launched'
  /** The person, the campus or main asked it to end. */
  | 'stop'
  /** The grace time is over. */
  | 'grace-over'
  /** It is over and all it held is released. */
  | 'ended'
  | 'failed';

/** What a session may do next. */
export const SESSION_TABLE: Table<SessionState, SessionEvent> = {
  preparing: { prepared: 'launching', stop: 'stopping', failed: 'failed' },
  launching: { launched: 'running', stop: 'stopping', failed: 'failed' },
  running: { stop: 'stopping', ended: 'stopped', failed: 'failed' },
  stopping: { 'grace-over': 'killing', ended: 'stopped', failed: 'failed' },
  killing: { ended: 'stopped', failed: 'failed' },
  stopped: {},
  failed: {},
};
