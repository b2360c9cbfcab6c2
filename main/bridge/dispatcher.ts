/**
 * The one door between the page and main. Order, cheapest refusal first: who calls (as the shell
 * saw it), how large, is it JSON, is it a call, is there such a call, may this role, do the
 * arguments fit; only then a handler runs, and its result is checked on the way out as well.
 */
import type { z } from 'zod';
import {
  CALLS,
  type CallName,
  MAX_MESSAGE_LENGTH,
  MAX_PENDING_CALLS,
} from '../../preload/contract/contract.ts';
import type { Role } from '../../preload/contract/model.ts';
import { CallMessage } from '../../preload/contract/wire.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { Caller, IncomingCall } from '../shell/shell.ts';

type Awaitable<T> = T | Promise<T>;

/** What answers each call. Every name is there: a call without a handler does not compile. */
export type Handlers = {
  readonly [N in CallName]: (
    params: z.output<(typeof CALLS)[N]['params']>,
    caller: Caller,
  ) => Awaitable<z.input<(typeof CALLS)[N]['result']>>;
};

export interface DispatcherOptions {
  readonly handlers: Handlers;
  /** Who is signed in at the moment of the call. */
  readonly role: () => Role;
  /** Exact origins (`https://host[:port]`) whose top frame may call, at the moment of the call. */
  readonly uiOrigins: () => readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
}

/** At most one log line about refused callers in this many milliseconds. */
const REFUSAL_LOG_MS = 10_000;

const RANK: Readonly<Record<Role, number>> = { anyone: 0, person: 1, admin: 2 };

/**
 * Makes the function that a shell hands every incoming call to. It never throws, and answers each
 * call at most once. A message without a usable id is answered with id 0, which no client uses.
 */
export function createDispatcher(options: DispatcherOptions): (call: IncomingCall) => void {
  const { handlers, role, uiOrigins, log, clock = systemClock } = options;
  const logRefused = refusalLog(log, clock);
  let pending = 0;

  return (call) => {
    if (!call.caller.topFrame || !uiOrigins().includes(call.caller.origin)) {
      logRefused(call.caller);
      // Nothing was parsed: a refused caller learns nothing, not even which call it named.
      refuse(call, 0, new KioskError('BRIDGE_CALLER_REFUSED', 'This page may not use the kiosk.'));
      return;
    }
    let id = 0;
    try {
      const message = readCall(call.message);
      id = message.id;
      const name = lookUp(message.method);
      if (RANK[role()] < RANK[CALLS[name].role]) {
        throw new KioskError('NOT_ALLOWED', `${name} needs the role ${CALLS[name].role}.`);
      }
      const params = CALLS[name].params.safeParse(message.params ?? {});
      if (!params.success) {
        throw new KioskError('BRIDGE_BAD_ARGUMENTS', `${name}: ${explain(params.error)}`);
      }
      if (pending >= MAX_PENDING_CALLS) {
        throw new KioskError('BRIDGE_TOO_MANY_CALLS', 'Too many calls are under way.');
      }
      pending++;
      run(name, params.data, call.caller)
        .then(
          (result) => reply(call, id, result),
          (error: unknown) => {
            if (!(error instanceof KioskError)) log.error('a call failed', { call: name, error });
            refuse(call, id, error);
          },
        )
        .finally(() => {
          pending--;
        });
    } catch (error) {
      refuse(call, id, error);
    }
  };

  async function run(name: CallName, params: unknown, caller: Caller): Promise<unknown> {
    // The table's type ties each handler to its own schema; a name chosen at run time cannot.
    const handler = handlers[name] as (params: unknown, caller: Caller) => unknown;
    const result = CALLS[name].result.safeParse(await handler(params, caller));
    if (!result.success) {
      log.error('a handler answered what the contract does not allow', {
        call: name,
        code: 'BRIDGE_BAD_RESULT',
        problem: explain(result.error),
      });
      throw new KioskError('BRIDGE_BAD_RESULT', `${name} answered something malformed.`);
    }
    return result.data;
  }
}

/** @throws KioskError `BRIDGE_MESSAGE_TOO_LARGE`, `BRIDGE_BAD_ARGUMENTS` */
export function readCall(text: string): CallMessage {
  if (text.length > MAX_MESSAGE_LENGTH) {
    throw new KioskError('BRIDGE_MESSAGE_TOO_LARGE', 'The message is too large.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KioskError('BRIDGE_BAD_ARGUMENTS', 'The message is not JSON.', { cause: error });
  }
  const message = CallMessage.safeParse(value);
  if (!message.success) {
    throw new KioskError('BRIDGE_BAD_ARGUMENTS', `Not a call: ${explain(message.error)}`);
  }
  return message.data;
}

/** Own names only: `__proto__`, `constructor` and the like are not calls. */
function lookUp(method: string): CallName {
  if (!isCallName(method)) {
    throw new KioskError('BRIDGE_UNKNOWN_METHOD', 'There is no such call.');
  }
  return method;
}

function isCallName(method: string): method is CallName {
  return Object.hasOwn(CALLS, method);
}

/** Where and what, without the values: arguments may hold a password. */
function explain(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.map(String).join('.') || 'value'}: ${issue.code}`)
    .join('; ')
    .slice(0, 500);
}

function refuse(call: IncomingCall, id: number, error: unknown): void {
  call.reply(JSON.stringify({ id, error: toWireError(error) }));
}

function reply(call: IncomingCall, id: number, result: unknown): void {
  const text = JSON.stringify({ id, result });
  if (text.length <= MAX_MESSAGE_LENGTH) call.reply(text);
  else refuse(call, id, new KioskError('BRIDGE_MESSAGE_TOO_LARGE', 'The answer is too large.'));
}

/** A hostile frame can call thousands of times a second; the log gets a line and a count. */
function refusalLog(log: Logger, clock: Clock): (caller: Caller) => void {
  let quietUntil = 0;
  let unsaid = 0;
  return (caller) => {
    if (clock.now() < quietUntil) {
      unsaid++;
      return;
    }
    log.warn('a caller was refused', {
      code: 'BRIDGE_CALLER_REFUSED',
      origin: caller.origin.slice(0, 200),
      topFrame: caller.topFrame,
      since: unsaid,
    });
    unsaid = 0;
    quietUntil = clock.now() + REFUSAL_LOG_MS;
  };
}
