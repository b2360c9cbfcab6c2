/** Chromium's command line: pure, so that a test can read what it promises. */

import { UI_WINDOW_CLASS } from '../../base/ui-window.ts';

export interface FlagOptions {
  /** The whole screen, and no way out of it. */
  readonly kiosk: boolean;
  readonly developer: boolean;
  readonly profile: string;
  /** False only where Chromium's sandbox cannot work (a developer running as root). */
  readonly sandbox: boolean;
  /** True where /dev/shm is too small for a screen's worth of shared memory. */
  readonly smallSharedMemory: boolean;
  /** False: the computer has no graphics processor that a program can draw with. */
  readonly gpu: boolean;
  readonly displayOrigin: string;
}

/**
 * A proxy that never answers, on a loopback port that only root could open. The UI's storage and
 * network reach nothing beyond what Fetch interception serves; loopback bypasses any proxy, and
 * Local Network Access decides there.
 */
export const DEAD_PROXY = 'http://127.0.0.1:1';

/** Parts of a desktop browser that a kiosk has no use for, or that speak to their maker. */
const FEATURES_OFF = [
  'AutofillServerCommunication',
  'CertificateTransparencyComponentUpdater',
  'MediaRouter',
  'OptimizationHints',
  // A process kept ready for the next site: there is one site, and the first picture waits for it.
  'SpareRendererForSitePerProcess',
  'Translate',
  // The address bar's list is a page with a process of its own; a full screen has no address bar.
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxPopup',
];

/** The command line of the browser, without its program and its address. */
export function chromiumFlags(options: FlagOptions): string[] {
  const flags = [
    '--remote-debugging-pipe',
    `--user-data-dir=${options.profile}`,
    // The frames that draw machines and remote desktops get a process of their own: what a
    // hostile server sends is parsed away from the page that holds the bridge.
    `--isolate-origins=${options.displayOrigin}`,
    `--proxy-server=${DEAD_PROXY}`,
    `--class=${UI_WINDOW_CLASS}`,
    '--deny-permission-prompts',
    '--disable-background-networking',
    '--disable-breakpad',
    '--disable-client-side-phishing-detection',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-domain-reliability',
    '--disable-extensions',
    `--disable-features=${FEATURES_OFF.join(',')}`,
    '--disable-pinch',
    '--disable-quic',
    '--disable-search-engine-choice-screen',
    '--disable-session-crashed-bubble',
    '--disable-sync',
    '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--hide-crash-restore-bubble',
    '--no-default-browser-check',
    '--no-first-run',
    '--noerrdialogs',
    '--overscroll-history-navigation=0',
    // Nothing of a person is stored, so there is nothing for a key ring to protect.
    '--password-store=basic',
  ];
  // In a room the shell makes the window itself, on the UI's address and full-screen: the browser
  // need not show a first page that is left at once. A developer's window is an app window, which
  // only the command line can ask for.
  if (options.kiosk) flags.push('--kiosk', '--no-startup-window');
  else flags.push('--app=about:blank', '--window-size=1280,800');
  if (options.developer) flags.push('--remote-debugging-port=0');
  // --test-type hides the warning bar about the missing sandbox.
  if (!options.sandbox) flags.push('--no-sandbox', '--test-type');
  // Chromium would bring up OpenGL in software, to no one's gain, before its first window.
  if (!options.gpu) flags.push('--disable-gpu');
  if (options.smallSharedMemory) flags.push('--disable-dev-shm-usage');
  return flags;
}
