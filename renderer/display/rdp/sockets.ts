/**
 * The WebSockets that IronRDP opens. The library neither says why one was closed nor how far it
 * has worked through what came; the bridge needs the latter, or it would run seconds ahead.
 */
import { ERROR_CODES, type ErrorCode } from '../../../preload/contract/errors.ts';

/** The bridge's close code; its reason is an error code, or empty when it ended the display. */
const BRIDGE_CLOSED = 4000;
/** Bytes after which the bridge is told. */
const REPORT_BYTES = 64 * 1024;

export type Closing =
  /** The bridge did, with this reason; null: the kiosk or the server ended the session. */
  | { readonly by: 'bridge'; readonly code: ErrorCode | null }
  /** The library hung up, or the line to the bridge broke. */
  | { readonly by: 'page' };

export class BridgeSockets {
  readonly #closed = new Map<string, PromiseWithResolvers<Closing>>();

  /** From now on each WebSocket of this window is watched. */
  install(target: Window & typeof globalThis): void {
    const watch = (socket: WebSocket): void => this.#watch(socket);
    target.WebSocket = class extends target.WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        watch(this);
      }
    };
  }

  /** How the WebSocket to this address was closed. */
  closed(url: string): Promise<Closing> {
    return this.#of(url).promise;
  }

  forget(url: string): void {
    this.#closed.delete(url);
  }

  #of(url: string): PromiseWithResolvers<Closing> {
    const known = this.#closed.get(url) ?? Promise.withResolvers<Closing>();
    this.#closed.set(url, known);
    return known;
  }

  #watch(socket: WebSocket): void {
    const { resolve } = this.#of(socket.url);
    socket.addEventListener('close', ({ code, reason }) => {
      if (code !== BRIDGE_CLOSED) return resolve({ by: 'page' });
      const failure = ERROR_CODES.find((known) => known === reason);
      resolve({ by: 'bridge', code: reason === '' ? null : (failure ?? 'REMOTE_LOST') });
    });
    let taken = 0;
    let reporting = false;
    // The library draws in the same turn as a message comes: a later turn finds it done.
    const turn = new MessageChannel();
    turn.port1.onmessage = () => {
      reporting = false;
      if (socket.readyState === socket.OPEN) socket.send(String(taken));
      taken = 0;
    };
    socket.addEventListener('message', ({ data }) => {
      taken += data instanceof ArrayBuffer ? data.byteLength : 0;
      if (taken < REPORT_BYTES || reporting) return;
      reporting = true;
      turn.port2.postMessage(null);
    });
  }
}
