/** An RDP desktop in a frame of the page: started, taken up again after a loss, ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../../../preload/contract/errors.ts';
import { KioskError } from '../../../base/errors.ts';
import type { RunningSession, SessionEnd } from '../../engine.ts';
import { layoutNumber } from '../keyboard-layouts.ts';
import type { RdpTarget } from '../target.ts';
import type { RdpBridge } from './bridge.ts';
import { connectRdp, type RdpConnection, type RdpPlace, type SignOn } from './connect.ts';

/** How long a lost connection may stay lost before the session is over. */
const RECONNECT_MS = 60_000;
/** A server that restarts refuses for a while: how long one frame waits for it, and how often it asks. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 1_000;
/** Losses that no reconnection mends. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'REMOTE_CERTIFICATE',
  'REMOTE_CERTIFICATE_CHANGED',
  'REMOTE_CREDENTIALS_WRONG',
  'REMOTE_NLA_REQUIRED',
  'REMOTE_NEGOTIATION_FAILED',
]);
const PROTOCOL_NUMBER = { tls: 1, nla: 2 } as const;

export interface EmbeddedOptions {
  readonly bridge: RdpBridge;
  readonly sessionId: string;
  readonly place: RdpPlace;
  readonly target: Pick<RdpTarget, 'keyboard' | 'clipboard' | 'resize'>;
  /** Asked at each connection: a copy of the password is made, used and zeroed. */
  readonly signOn: () => SignOn;
  readonly signal: AbortSignal;
}

/**
 * Connects and signs in, so that a person hears at once of a wrong password; the first frame takes
 * this connection over.
 * @throws KioskError as `connectRdp` does
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<RunningSession> {
  const { bridge, sessionId, place } = options;
  const connect = async (signal: AbortSignal): Promise<RdpConnection> => {
    const person = copied(options.signOn());
    try {
      return await connectRdp(place, person, signal);
    } finally {
      person.password?.fill(0);
    }
  };
  let first: RdpConnection | undefined = await connect(options.signal);
  first.stream.once('close', () => {
    first = undefined;
  });

  const over = Promise.withResolvers<SessionEnd>();
  const ended = new AbortController();
  let waiting: NodeJS.Timeout | undefined;
  const finish = (end: SessionEnd): void => {
    clearTimeout(waiting);
    ended.abort(new KioskError('CANCELLED', 'The session is over.'));
    first?.stream.destroy();
    bridge.close(sessionId);
    over.resolve(end);
  };
  const stop = async (): Promise<void> => finish({});

  /** The connection that stands already, else a new one; a server that restarts is waited for. */
  const takeConnection = async (signal: AbortSignal): Promise<RdpConnection> => {
    const ready = first;
    first = undefined;
    if (ready !== undefined) return ready;
    const within = AbortSignal.any([signal, ended.signal]);
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await connect(within);
      } catch (error) {
        const passing = error instanceof KioskError && error.code === 'REMOTE_REFUSED';
        if (!passing || performance.now() > until) throw error;
        await sleep(RETRY_MS, undefined, { signal: within });
      }
    }
  };

  return {
    surface: {
      type: 'frame',
      protocol: 'rdp',
      open: () =>
        bridge.address({
          sessionId,
          off: (['clipboard', 'resize'] as const).filter((option) => !options.target[option]),
          connect: takeConnection,
          rewrites: ({ protocol }) => ({
            ...copied(options.signOn()),
            serverSelectedProtocol: PROTOCOL_NUMBER[protocol],
            keyboardLayout: Number(layoutNumber(options.target.keyboard ?? 'us')),
          }),
          connected: () => clearTimeout(waiting),
          over(error) {
            if (error === null) return finish({});
            if (FINAL.has(error.code)) return finish(lost(error.code));
            clearTimeout(waiting);
            waiting = setTimeout(() => finish(lost(error.code)), RECONNECT_MS);
          },
        }),
    },
    ended: over.promise,
    stop,
    kill: stop,
  };
}

function lost(code: ErrorCode): SessionEnd {
  return { error: { code, message: 'The connection to the remote desktop ended.' } };
}

/** With a password of its own, which may be zeroed. */
function copied(person: SignOn): SignOn {
  return { ...person, password: person.password && Uint8Array.from(person.password) };
}
