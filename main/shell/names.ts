/** The contract as the scripts in pages need it: names and limits, without the schemas. */
import {
  CALLS,
  type CallName,
  EVENTS,
  type EventName,
  MAX_MESSAGE_LENGTH,
} from '../../preload/contract/contract.ts';

export function contractNames(): {
  calls: CallName[];
  events: EventName[];
  maxMessageLength: number;
} {
  return {
    // `Object.keys` of a closed table: exactly its names.
    calls: Object.keys(CALLS) as CallName[],
    events: Object.keys(EVENTS) as EventName[],
    maxMessageLength: MAX_MESSAGE_LENGTH,
  };
}
