/**
 * Answers what the page asks on its way to the first picture, before the features are loaded: the
 * state, from {@link FirstState}, and that it has painted. The rules are the dispatcher's; whatever
 * these answers do not cover waits for it.
 */
import type { KioskState } from '../../preload/contract/model.ts';
import type { IncomingCall } from '../shell/shell.ts';
import { readCall } from './dispatcher.ts';
import type { PageWatch } from './page-watch.ts';

export interface FirstAnswersOptions {
  readonly state: KioskState;
  readonly uiOrigin: string;
  readonly pageWatch: PageWatch;
}

/** Returns whether the call was answered. */
export function createFirstAnswers(options: FirstAnswersOptions): (call: IncomingCall) => boolean {
  const { state, uiOrigin, pageWatch } = options;
  return ({ caller, message, reply }) => {
    if (!caller.topFrame || caller.origin !== uiOrigin) return false;
    try {
      const { id, method } = readCall(message);
      if (method === 'state.get') reply(JSON.stringify({ id, result: state }));
      else if (method === 'ui.rendered') {
        pageWatch.rendered(caller.load);
        reply(JSON.stringify({ id, result: null }));
      } else return false;
      return true;
    } catch {
      // Malformed: the dispatcher says how.
      return false;
    }
  };
}
