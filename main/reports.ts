/** What features tell the campus, in the form of its reports (docs/campus-protocol.md). */
import type { Json, WireError } from '../preload/contract/errors.ts';
import type { Job, Session } from '../preload/contract/model.ts';
import type { Report } from './campus/api.ts';
import type { UiCacheReport } from './uicache/api.ts';

/** That a session began, ended or failed. */
export function sessionReport(session: Session): Report {
  const body = { session: session.id, entry: session.entryId, state: session.state };
  if (session.error) {
    return {
      kind: 'session.failed',
      level: 'error',
      body: { ...body, error: errorBody(session.error) },
    };
  }
  const kind = session.state === 'stopped' ? 'session.ended' : 'session.started';
  return { kind, level: 'info', body };
}

/** What the campus hears of work on the system; undefined for other jobs. */
export function jobReport({ kind, title, state, error }: Job): Report | undefined {
  if (!kind.startsWith('install') && kind !== 'system-update') return undefined;
  return {
    kind: `${kind}.${state}`,
    level: state === 'succeeded' ? 'info' : 'error',
    body: { title, ...present('error', error && errorBody(error)) },
  };
}

/** What became of a version of the UI. */
export function uiReport({ kind, level, version, error }: UiCacheReport): Report {
  return {
    kind,
    level,
    body: {
      ...present('version', version),
      ...present('error', error && errorBody(error.toWire())),
    },
  };
}

/** A property only where there is a value (`exactOptionalPropertyTypes`). */
export function present<K extends string, V>(
  key: K,
  value: V | null | undefined,
): { [P in K]?: V } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

function errorBody({
  code,
  message,
  details,
}: Pick<WireError, 'code' | 'message'> & { details?: unknown }): {
  [key: string]: Json;
} {
  return { code, message, ...(details === undefined ? {} : { details: JSON.stringify(details) }) };
}
