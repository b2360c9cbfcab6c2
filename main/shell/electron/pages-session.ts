/**
 * The partition of pages of the campus: every request is answered by main. `protocol.handle` is
 * before the network service, which would have handled cookies: they are handled here.
 */
import type { Session } from 'electron';
import { refusalPage } from '../policy.ts';
import type { PagesOptions } from '../shell.ts';
import { denyPermissions } from './hardening.ts';
import { toOriginRequest, toResponse } from './origin-handler.ts';
import { parseSetCookie } from './set-cookie.ts';

export function pagesSession(electron: typeof import('electron'), options: PagesOptions): Session {
  const { id, origins, title, refusedText, serve } = options;
  // Without the `persist:` prefix a partition lives in memory.
  const session = electron.session.fromPartition(id);
  denyPermissions(session, null);
  session.on('will-download', (event) => event.preventDefault());
  // Websockets pass by `protocol.handle`; this sees every scheme.
  session.webRequest.onBeforeRequest(({ url }, done) => {
    done({ cancel: /^(wss?|ftp|file):/.test(url) });
  });
  for (const scheme of ['http', 'https']) {
    session.protocol.handle(scheme, async (request) => {
      const { origin } = new URL(request.url);
      if (!origins.includes(origin)) return toResponse(refusalPage(title, refusedText));
      const cookies = await session.cookies.get({ url: request.url });
      const asked = toOriginRequest(request);
      const headers = new Map(asked.headers);
      if (cookies.length > 0) {
        headers.set('cookie', cookies.map(({ name, value }) => `${name}=${value}`).join('; '));
      }
      const response = await serve({
        ...asked,
        headers,
        ...(request.body === null ? {} : { body: new Uint8Array(await request.arrayBuffer()) }),
      });
      for (const line of response.cookies ?? []) {
        const cookie = parseSetCookie(line, request.url);
        // One that the browser refuses (a foreign domain) is the server's mistake.
        if (cookie) await session.cookies.set(cookie).catch(() => {});
      }
      return toResponse(response);
    });
  }
  return session;
}
