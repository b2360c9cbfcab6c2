/** The partition of a web session: its hosts, downloads and saved pages. */
import { mkdirSync } from 'node:fs';
import type { Session } from 'electron';
import { hostAllowed, refusalPage } from '../policy.ts';
import type { ViewOptions } from '../shell.ts';
import { denyPermissions } from './hardening.ts';
import { toOriginRequest, toResponse } from './origin-handler.ts';

/** @param folder where downloads go, if the session may have any */
export function webSession(
  electron: typeof import('electron'),
  options: ViewOptions,
  folder: string,
): Session {
  const { id, hosts, title, refusedText, downloads, offline } = options;
  // Without the `persist:` prefix a partition lives in memory.
  const session = electron.session.fromPartition(`view-${id}`);
  denyPermissions(session, null);
  if (downloads) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    session.setDownloadPath(folder);
  } else session.on('will-download', (event) => event.preventDefault());
  // Websockets pass by `protocol.handle`; this sees every scheme.
  session.webRequest.onBeforeRequest((details, done) => {
    const { protocol, hostname } = new URL(details.url);
    const document = details.resourceType === 'mainFrame' || details.resourceType === 'subFrame';
    const network = /^(https?|wss?|ftp):$/.test(protocol);
    // Documents go on to the handler below, which shows why they are refused.
    done({ cancel: network && !document && !hostAllowed(hostname, hosts) });
  });
  for (const scheme of ['http', 'https']) {
    session.protocol.handle(scheme, async (request) => {
      if (!hostAllowed(new URL(request.url).hostname, hosts)) {
        return toResponse(refusalPage(title, refusedText));
      }
      try {
        return await session.fetch(request, { bypassCustomProtocolHandlers: true });
      } catch (error) {
        const saved = await offline?.(toOriginRequest(request));
        if (saved) return toResponse(saved);
        throw error;
      }
    });
  }
  return session;
}
