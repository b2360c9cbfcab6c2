/** Requests that Chromium paused for us (the Fetch domain), in the words of the shell port. */
import type { Protocol } from 'devtools-protocol';
import type { OriginRequest, OriginResponse } from '../shell.ts';
import type { DevtoolsSession } from './connection.ts';

export type Paused = Protocol.Fetch.RequestPausedEvent;

export function toOriginRequest({ request }: Paused): OriginRequest {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(request.headers)) {
    headers.set(name.toLowerCase(), value);
  }
  return { method: request.method, url: new URL(request.url), headers };
}

/** Answers in the network's place. A page that went away in the meantime gets nothing. */
export function fulfil(session: DevtoolsSession, paused: Paused, response: OriginResponse): void {
  session.post('Fetch.fulfillRequest', {
    requestId: paused.requestId,
    responseCode: response.status,
    responseHeaders: Object.entries(response.headers).map(([name, value]) => ({ name, value })),
    ...(response.body === null ? {} : { body: Buffer.from(response.body).toString('base64') }),
  });
}

export function proceed(session: DevtoolsSession, paused: Paused): void {
  session.post('Fetch.continueRequest', { requestId: paused.requestId });
}

export function fail(
  session: DevtoolsSession,
  paused: Paused,
  reason: Protocol.Network.ErrorReason,
): void {
  session.post('Fetch.failRequest', { requestId: paused.requestId, errorReason: reason });
}
