/** The engines of this kiosk: local machines, SPICE and RDP desktops, web pages. */
import { join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { KioskError } from './base/errors.ts';
import type { Campus } from './campus/api.ts';
import type { Homes } from './homes/homes.ts';
import type { Images } from './images/images.ts';
import type { Log } from './log/log.ts';
import type { Logger } from './log/logger.ts';
import type { People } from './people/people.ts';
import type { Launcher } from './process/launcher.ts';
import { CredentialDesk } from './sessions/credentials.ts';
import type { Engine } from './sessions/engine.ts';
import type { FrameDoorOptions } from './sessions/frame-door.ts';
import { NativeStrip } from './sessions/native-strip.ts';
import { openPinStore, type PinStore } from './sessions/pins.ts';
import { createRdpBridge } from './sessions/rdp/embedded/bridge.ts';
import { createRdpEngine } from './sessions/rdp/engine.ts';
import type { SpiceBridge } from './sessions/spice/bridge.ts';
import { createSpiceEngine } from './sessions/spice/engine.ts';
import { withNativeViewer } from './sessions/spice/native-machines.ts';
import { createNativeViewer } from './sessions/spice/viewer.ts';
import { createVmEngine } from './sessions/vm/engine.ts';
import { createWebEngine } from './sessions/web/engine.ts';
import type { Settings } from './settings/settings.ts';
import type { OriginRequest, OriginResponse, Shell } from './shell/shell.ts';
import { viewTexts } from './view-texts.ts';

/** A .vv file or a password: anything longer is no ticket. */
const MAX_TICKET_BYTES = 256 * 1024;

type FrameOptions = Pick<
  FrameDoorOptions<never>,
  'log' | 'displayOrigin' | 'uiOrigin' | 'returnChord'
>;

export interface EnginesOptions {
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly campus: Campus;
  readonly images: Images;
  readonly people: People;
  readonly homes: Homes;
  readonly spice: SpiceBridge;
  /** The UI fills the screen. */
  readonly kiosk: boolean;
  /** Where display frames are served, and what they are told. */
  readonly frames: FrameOptions;
  readonly dataFolder: string;
  readonly runtimeFolder: string;
  /** undefined while the screen is not ready. */
  readonly shell: () => Shell | undefined;
  /** A page as it was saved, for web sessions without the network. */
  readonly savedPage: (request: OriginRequest) => Promise<OriginResponse | undefined>;
  /** The person wants to leave a window that the shell does not see. */
  readonly onReturnChord: () => void;
  readonly log: Logger & Pick<Log, 'redact'>;
}

export interface Engines {
  readonly all: readonly Engine[];
  /** What windows of other programs leave free for the session bar. */
  readonly strip: NativeStrip;
  /** Certificates that were met first. */
  readonly pins: PinStore;
  /** Whether machines use KVM, found by running one; asked once per boot. */
  virtualization(): Promise<{ readonly kvm: boolean; readonly reason: string | null }>;
  close(): Promise<void>;
}

/** One engine per kind of session, each with the ports that it declares. */
export function createEngines(options: EnginesOptions): Engines {
  const { launcher, settings, campus, images, people, dataFolder, runtimeFolder, log } = options;
  const machines = createVmEngine({
    launcher,
    images,
    homes: options.homes,
    runtimeFolder: join(runtimeFolder, 'vm'),
    stateFolder: join(dataFolder, 'machines'),
    log: log.scope('machines'),
  });
  const strip = new NativeStrip({ launcher, kiosk: options.kiosk, log: log.scope('viewer') });
  const viewer = createNativeViewer({
    launcher,
    onReturnChord: options.onReturnChord,
    strip,
    runtimeFolder: join(runtimeFolder, 'viewer'),
    log: log.scope('viewer'),
  });
  const pins = openPinStore({
    path: join(dataFolder, 'rdp.db'),
    now: () => systemClock.now(),
    log: log.scope('rdp'),
  });
  const credentials = new CredentialDesk({
    signOn: people,
    clock: systemClock,
    redact: (text) => log.redact(text),
  });
  people.onSignOut((person) => credentials.wipe(person.id));
  const bridge = createRdpBridge(options.frames);
  const rdp = createRdpEngine({
    bridge,
    preferred: () => settings.get('sessions.viewer'),
    launcher,
    credentials,
    pins,
    runtimeFolder: join(runtimeFolder, 'rdp'),
    onReturnChord: options.onReturnChord,
    strip,
    log: log.scope('rdp'),
  });
  const spice = createSpiceEngine({
    bridge: options.spice,
    viewer,
    credentials,
    pins,
    tickets: {
      fetch: async (url, { signal }) => {
        const { body } = await campus.http.get(url, {
          maxBytes: MAX_TICKET_BYTES,
          confidential: true,
          signal,
        });
        return Buffer.from(body).toString('utf8');
      },
    },
    preferred: () => settings.get('sessions.viewer'),
  });
  const web = createWebEngine({
    open: (view) => {
      const shell = options.shell();
      if (!shell) throw new KioskError('BRIDGE_CLOSED', 'The screen is not ready.');
      return shell.openView({
        ...view,
        ...viewTexts(view.title, people.preferences.locale),
        ...(view.saved ? { offline: options.savedPage } : {}),
      });
    },
  });
  return {
    all: [
      withNativeViewer(machines, {
        viewer,
        wanted: () => settings.get('sessions.viewer') === 'native',
      }),
      spice,
      rdp,
      web,
    ],
    strip,
    pins,
    async virtualization() {
      const { accelerator, reason } = await machines.accelerator();
      return { kvm: accelerator === 'kvm', reason };
    },
    async close() {
      await bridge.end();
      credentials.wipe();
      pins.close();
    },
  };
}
