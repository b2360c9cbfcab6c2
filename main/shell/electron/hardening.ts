/** What no page of the kiosk may do under Electron, whichever page it is. */
import type { Session, WebContents } from 'electron';
import { RETURN_CHORD } from '../shell.ts';

export interface PageRules {
  /** True for addresses that the page's window may show. */
  mayNavigate(url: URL): boolean;
  /** An address that the page wanted to open in a window of its own. */
  onPopup(url: URL): void;
  onChord(): void;
}

/** No windows, no leaving, no devtools, and the return chord before the page sees the key. */
export function hardenPage(contents: WebContents, rules: PageRules): void {
  contents.setWindowOpenHandler(({ url }) => {
    if (URL.canParse(url)) rules.onPopup(new URL(url));
    return { action: 'deny' };
  });
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame) return;
    if (!URL.canParse(event.url) || !rules.mayNavigate(new URL(event.url))) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    if (event.isMainFrame && !rules.mayNavigate(new URL(event.url))) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.on('before-input-event', (event, input) => {
    if (input.type !== 'keyDown' || input.code !== RETURN_CHORD.code) return;
    if (!input.control || !input.alt) return;
    event.preventDefault();
    rules.onChord();
  });
}

/**
 * Denies every permission but one: the display's frame may open main's websocket on loopback
 * (Local Network Access, see docs/adr/0002).
 */
export function denyPermissions(session: Session, displayOrigin: string | null): void {
  // Electron's union of permission names is older than Chromium's.
  const allowed = (permission: string, origin: string | undefined): boolean =>
    displayOrigin !== null &&
    origin === displayOrigin &&
    ['loopback-network', 'local-network-access'].includes(permission);
  session.setPermissionCheckHandler((_contents, permission, requestingOrigin) =>
    allowed(permission, originOf(requestingOrigin)),
  );
  session.setPermissionRequestHandler((_contents, permission, done, details) =>
    done(allowed(permission, originOf(details.requestingUrl))),
  );
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, done) => done({}));
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}
