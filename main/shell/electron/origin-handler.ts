/** The two origins under Electron: `protocol.handle` answers every https request of a session. */
import type { Session } from 'electron';
import { type OriginPolicy, serve } from '../policy.ts';
import type { OriginRequest, OriginResponse } from '../shell.ts';

/** What Electron hands over of a request, in the words of the shell port. */
export function toOriginRequest(request: {
  readonly method: string;
  readonly url: string;
  readonly headers: Iterable<[string, string]>;
}): OriginRequest {
  return {
    method: request.method,
    url: new URL(request.url),
    headers: new Map([...request.headers].map(([name, value]) => [name.toLowerCase(), value])),
  };
}

export function toResponse({ status, headers, body }: OriginResponse): Response {
  // A copy: `Response` wants memory that nobody shares.
  return new Response(body === null ? null : new Uint8Array(body), { status, headers });
}

/** Serves both origins, and refuses whatever else the UI's session asks for. */
export function serveOrigins(
  session: Session,
  policy: OriginPolicy,
  onError: (error: unknown) => void,
): void {
  const own = new Set([policy.uiOrigin, policy.displayOrigin]);
  session.protocol.handle('https', async (request) => {
    if (!own.has(new URL(request.url).origin)) return Response.error();
    return toResponse(await serve(policy, toOriginRequest(request), onError));
  });
  for (const scheme of ['http', 'ftp', 'file']) {
    session.protocol.handle(scheme, () => Response.error());
  }
}
