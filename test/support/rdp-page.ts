/** RDP desktops in a page: the real engine and bridge, for tests and benchmarks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RdpEntry } from '../../main/base/manifest.ts';
import type { Logger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { Ask, Engine, RunningSession } from '../../main/sessions/engine.ts';
import { NativeStrip } from '../../main/sessions/native-strip.ts';
import { openPinStore } from '../../main/sessions/pins.ts';
import { createRdpBridge } from '../../main/sessions/rdp/embedded/bridge.ts';
import { createRdpEngine } from '../../main/sessions/rdp/engine.ts';
import { probe } from '../../main/sessions/rdp/probe.ts';
import type { WireError } from '../../preload/contract/errors.ts';
import { DISPLAY_ORIGIN, UI_ORIGIN } from './display-page.ts';
import { deskFor, unasked } from './questions.ts';

/** Who sits at the kiosk; a name that nothing else contains. */
export const RDP_USER = 'annegret.q';

export interface RdpBench {
  readonly engine: Engine<RdpEntry>;
  readonly launcher: Launcher;
  readonly runtimeFolder: string;
  start(target: object, options?: RdpStart): Promise<RunningSession>;
  /** Ends the sessions that still run. */
  endSessions(): Promise<void>;
  /** Only the bridge, as when it breaks. */
  endBridge(): Promise<void>;
  stop(): Promise<void>;
}

export interface RdpStart {
  readonly engine?: 'auto' | 'native' | 'embedded';
  /** What the person typed to sign in; absent: a guest. */
  readonly secret?: string;
  readonly sessionId?: string;
  readonly user?: string;
  readonly notice?: (error: WireError) => void;
  readonly ask?: Ask;
}

export function createRdpBench(log: Logger): RdpBench {
  const folder = mkdtempSync(join(tmpdir(), 'rdp-page-'));
  const runtimeFolder = join(folder, 'run');
  const launcher = new Launcher(log);
  const pins = openPinStore({ path: join(folder, 'rdp.db'), now: Date.now, log });
  const bridge = createRdpBridge({
    log,
    displayOrigin: DISPLAY_ORIGIN,
    uiOrigin: UI_ORIGIN,
    returnChord: 'Ctrl+Alt+Home',
  });
  let typed: string | undefined;
  const engine = createRdpEngine({
    launcher,
    credentials: deskFor(() => typed),
    pins,
    bridge,
    strip: new NativeStrip({ launcher, kiosk: false, log }),
    preferred: () => 'embedded',
    runtimeFolder,
    onReturnChord: () => {},
    log,
  });
  const open = new Set<RunningSession>();
  const endSessions = async (): Promise<void> => {
    await Promise.all([...open].map((session) => session.kill()));
    await Promise.all([...open].map((session) => session.ended));
    open.clear();
  };
  return {
    engine,
    launcher,
    runtimeFolder,
    async start(target, options = {}) {
      typed = options.secret;
      const session = await engine.start({
        sessionId: options.sessionId ?? 's-1',
        groupId: 'g-1',
        entry: RdpEntry.parse({
          kind: 'rdp',
          id: 'desk',
          title: 'Desk',
          engine: options.engine ?? 'embedded',
          target: { sound: 'off', ...target },
        }),
        machineIndex: 0,
        person: {
          id: options.user ?? RDP_USER,
          name: 'Anna',
          kind: 'member',
          groups: [],
          offline: false,
        },
        signal: AbortSignal.timeout(60_000),
        launching: () => {},
        progress: () => {},
        notice: options.notice ?? (() => {}),
        ask: options.ask ?? unasked,
      });
      open.add(session);
      return session;
    },
    endSessions,
    endBridge: () => bridge.end(),
    async stop() {
      await endSessions();
      await bridge.end();
      await launcher.stopAll();
      pins.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A fresh address for the session's frame. */
export async function frameAddress(session: RunningSession): Promise<string> {
  if (session.surface.type !== 'frame') throw new Error('the session is not shown in the page');
  return await session.surface.open();
}

/** SHA-256 of the certificate that the server shows. */
export async function fingerprintAt(port: number): Promise<string> {
  const { certificate } = await probe({
    host: '127.0.0.1',
    port,
    security: 'auto',
    signal: AbortSignal.timeout(10_000),
  });
  return certificate?.fingerprint ?? '';
}
