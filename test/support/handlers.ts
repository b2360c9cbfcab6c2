/** Handlers for tests: each call that a test does not mention fails as not meant to be made. */
import type { Handlers } from '../../main/bridge/dispatcher.ts';
import { VERBS } from '../../main/helper/protocol.ts';
import type { Executors } from '../../main/helper/service.ts';
import { CALLS } from '../../preload/contract/contract.ts';

export function handlersWith(overrides: Partial<Handlers>): Handlers {
  const handlers: Record<string, unknown> = {};
  for (const name of Object.keys(CALLS)) {
    handlers[name] = () => {
      throw new Error(`${name} is not part of this test`);
    };
  }
  // Every name of the contract is there by the loop above.
  return { ...handlers, ...overrides } as Handlers;
}

/** Executors of the root helper for tests, likewise. */
export function executorsWith(overrides: Partial<Executors>): Executors {
  const executors: Record<string, unknown> = {};
  for (const verb of Object.keys(VERBS)) {
    executors[verb] = () => {
      throw new Error(`${verb} is not part of this test`);
    };
  }
  // Every verb of the protocol is there by the loop above.
  return { ...executors, ...overrides } as Executors;
}
