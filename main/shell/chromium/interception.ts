/** Requests that Chromium paused for us (the Fetch domain), in the words of the shell port. */
import type { Protocol } from 'devtools-protocol';
import type { OriginRequest, OriginResponse } from '../shell.ts';
import type { DevtoolsSession } from './connection.ts';

export type Paused = Protocol.Fetch.RequestPausedEvent;

export function toOriginRequest({ request, resourceType }: Paused): OriginRequest {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(request.headers)) {
    headers.set(name.toLowerCase(), value);
  }
  // Chromium adds Fetch Metadata on the way to the network, which is after this; a page cannot
  // set it (its names are forbidden to scripts).
  headers.set('sec-fetch-mode', resourceType === 'Document' ? 'navigate' : 'cors');
  headers.set('sec-fetch-dest', resourceType === 'Document' ? 'document' : 'empty');
  const body = bodyOf(request);
  return {
    method: request.method,
    url: new URL(request.url),
    headers,
    ...(body === undefined ? {} : { body }),
  };
}

/** What a form or a script sends; files that it names are not part of it (nobody may choose any). */
function bodyOf({ postDataEntries }: Protocol.Network.Request): Uint8Array | undefined {
  if (postDataEntries === undefined) return undefined;
  return Buffer.concat(postDataEntries.map(({ bytes = '' }) => Buffer.from(bytes, 'base64')));
}

/** Answers in the network's place. A page that went away in the meantime gets nothing. */
export function fulfil(session: DevtoolsSession, paused: Paused, response: OriginResponse): void {
  session.post('Fetch.fulfillRequest', {
    requestId: paused.requestId,
    responseCode: response.status,
    responseHeaders: [
      ...Object.entries(response.headers).map(([name, value]) => ({ name, value })),
      ...(response.cookies ?? []).map((value) => ({ name: 'set-cookie', value })),
    ],
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
