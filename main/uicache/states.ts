import type { Table } from '../base/machine.ts';
import type { UiCacheState } from './api.ts';

/** What can happen to the UI cache. */
export type UiCacheEvent =
  /** A version is being fetched; no version is good yet. */
  | 'fetch'
  /** A version is being fetched beside a good one. */
  | 'refresh'
  /** All of its files are there, durably; it waits to be tried. */
  | 'fetched'
  /** What was missing of the good version is there again. */
  | 'completed'
  /** It could not be fetched. */
  | 'failed'
  /** It could not be fetched, and an earlier one still waits to be tried. */
  | 'kept'
  /** The version being tried has painted. */
  | 'rendered'
  /** It has not, and there is no good one behind it. */
  | 'rejected'
  /** It has not; the good one behind it is back. */
  | 'rolledBack'
  /** The campus has no UI any more. */
  | 'withdrawn';

/**
 * A version that waits in `staged` may be overtaken by a newer one: then fetching goes on while it
 * is tried, so its verdict is also taken in `fetching` and `refreshing`.
 */
export const STATES: Table<UiCacheState, UiCacheEvent> = {
  empty: { fetch: 'fetching', withdrawn: 'empty' },
  fetching: {
    fetched: 'staged',
    failed: 'empty',
    kept: 'staged',
    rendered: 'refreshing',
    rejected: 'fetching',
    withdrawn: 'empty',
  },
  staged: {
    fetch: 'fetching',
    refresh: 'refreshing',
    rendered: 'active',
    rejected: 'empty',
    rolledBack: 'active',
    withdrawn: 'empty',
  },
  active: { refresh: 'refreshing', withdrawn: 'empty' },
  refreshing: {
    fetched: 'staged',
    completed: 'active',
    failed: 'active',
    kept: 'staged',
    rendered: 'refreshing',
    rolledBack: 'refreshing',
    withdrawn: 'empty',
  },
};
