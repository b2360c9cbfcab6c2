/**
 * Remote desktops over RDP: in xfreerdp's window, or in a frame of the page. Host, protection and
 * certificate are checked before either starts, so that it has nothing to ask. Why these two:
 * docs/adr/0011-rdp-engines.md and docs/adr/0015-rdp-in-the-page.md.
 */
import { stat } from 'node:fs/promises';
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import { KioskError } from '../../base/errors.ts';
import type { RdpEntry } from '../../base/manifest.ts';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';
import { checkCertificate } from '../certificate.ts';
import type { CredentialDesk, Credentials } from '../credentials.ts';
import type { Engine, RunningSession, SessionEnd, StartRequest } from '../engine.ts';
import type { NativeStrip } from '../native-strip.ts';
import { openWindow } from '../native-window.ts';
import type { PinStore } from '../pins.ts';
import { viewerArguments } from './arguments.ts';
import { type ChosenHost, chooseHost } from './choose-host.ts';
import type { RdpBridge } from './embedded/bridge.ts';
import { chooseEngine } from './embedded/choice.ts';
import { startEmbedded } from './embedded/session.ts';
import { endFailure, startFailure } from './exit-codes.ts';
import { removeHome } from './home.ts';
import { probe, probeGateway } from './probe.ts';
import { RdpTarget } from './target.ts';
import {
  findViewer,
  startViewer,
  type Viewer,
  type ViewerProcess,
  windowShown,
} from './xfreerdp.ts';

/** From the start of the viewer to its window; a server may build a whole desktop first. */
const WINDOW_MS = 45_000;

export interface RdpEngineOptions {
  readonly launcher: Launcher;
  readonly credentials: CredentialDesk;
  readonly pins: PinStore;
  readonly bridge: RdpBridge;
  /** What `engine: "auto"` means on this kiosk. */
  readonly preferred: () => 'native' | 'embedded';
  /** For what lasts as long as a session; nobody else's: it is emptied at the first start. */
  readonly runtimeFolder: string;
  /** The person wants the tiles back. */
  readonly onReturnChord: () => void;
  readonly strip: NativeStrip;
  readonly log: Logger;
  /** 0 to 1, 1 excluded; spreads a room over equal hosts. Default: `Math.random`. */
  readonly random?: () => number;
}

export function createRdpEngine(options: RdpEngineOptions): Engine<RdpEntry> {
  let viewer: Viewer | undefined;
  /** A main that was killed took its viewers with it, but not their homes. */
  let emptied: Promise<void> | undefined;
  return {
    kind: 'rdp',
    surface: 'native',
    async start(request: StartRequest<RdpEntry>): Promise<RunningSession> {
      const target = readTarget(request.entry);
      emptied ??= removeHome(options.launcher, options.runtimeFolder, options.log);
      await emptied;
      viewer ??= await findViewer(options.launcher);
      const choice = chooseEngine({
        asked: request.entry.engine,
        preferred: options.preferred(),
        nativeInstalled: viewer !== undefined,
        target,
      });
      if (choice === undefined) {
        throw new KioskError('ENGINE_MISSING', 'xfreerdp, xdotool or xinput is not installed.');
      }
      for (const notice of choice.notices) request.notice(notice);
      return await startSession(
        options,
        choice.engine === 'native' ? viewer : undefined,
        target,
        request,
      );
    },
  };
}

function readTarget(entry: RdpEntry): RdpTarget {
  const parsed = RdpTarget.safeParse(entry.target);
  if (parsed.success) return parsed.data;
  throw new KioskError('REMOTE_NEGOTIATION_FAILED', 'The entry describes no RDP session.', {
    details: { fields: parsed.error.issues.map((issue) => issue.path.join('.')) },
  });
}

async function startSession(
  options: RdpEngineOptions,
  viewer: Viewer | undefined,
  target: RdpTarget,
  request: StartRequest<RdpEntry>,
): Promise<RunningSession> {
  const { credentials, pins } = options;
  const { person, signal } = request;
  const through = target.gateway && (await askGateway(options, target, target.gateway, request));
  const chosen = through?.chosen ?? (await findHost(options, target, signal));
  if (through === undefined && chosen.certificate !== undefined) {
    await checkCertificate(chosen.host, chosen.certificate, target.certificate, {
      pins,
      ask: request.ask,
    });
  }
  const show = await prepared(
    options,
    viewer,
    {
      target,
      chosen,
      fingerprints:
        through?.fingerprints ??
        (chosen.certificate === undefined ? [] : [chosen.certificate.fingerprint]),
    },
    request,
  );
  if (!sendsPassword(target)) return await show(undefined);
  return await credentials.use(
    request,
    {
      server: nameOf(chosen.host),
      user: target.user.replaceAll('{id}', person.id),
      domain: target.domain ?? '',
      signOn: target.credentials === 'sign-on',
    },
    show,
  );
}

interface Desktop {
  readonly target: RdpTarget;
  readonly chosen: ChosenHost;
  /** What the viewer may meet: hosts, and the gateway before them. */
  readonly fingerprints: readonly string[];
}

/** How the session is shown once it is known who comes; no viewer: in the page. */
async function prepared(
  options: RdpEngineOptions,
  viewer: Viewer | undefined,
  desktop: Desktop,
  request: StartRequest<RdpEntry>,
): Promise<(who: Credentials | undefined) => Promise<RunningSession>> {
  if (viewer === undefined) return (who) => openInPage(options, desktop, who, request);
  const drives = await presentDrives(desktop.target, request);
  return (who) => open(options, { ...desktop, viewer, drives }, who, request);
}

interface Plan extends Desktop {
  readonly viewer: Viewer;
  readonly drives: RdpTarget['drives'];
}

/** @param who undefined: the server's own screen asks */
async function openInPage(
  { bridge }: RdpEngineOptions,
  { target, chosen }: Desktop,
  who: Credentials | undefined,
  request: StartRequest<RdpEntry>,
): Promise<RunningSession> {
  const { security } = target;
  if (security === 'classic' || chosen.certificate === undefined) {
    throw new KioskError(
      'REMOTE_NEGOTIATION_FAILED',
      'A server that proves nothing of itself is not shown in the page.',
    );
  }
  request.launching();
  return await startEmbedded({
    bridge,
    sessionId: request.sessionId,
    place: {
      host: chosen.host,
      security,
      fingerprint: chosen.certificate.fingerprint,
      routing: target.loadBalanceInfo,
    },
    target,
    signOn: () => ({
      user: who?.user ?? target.user.replaceAll('{id}', request.person.id),
      domain: (who === undefined ? target.domain : who.domain) ?? '',
      password: who?.secret,
    }),
    signal: request.signal,
  });
}

/** @param who undefined: the server's own screen asks */
async function open(
  options: RdpEngineOptions,
  { viewer, target, chosen, fingerprints, drives }: Plan,
  who: Credentials | undefined,
  request: StartRequest<RdpEntry>,
): Promise<RunningSession> {
  const { launcher } = options;
  const { entry, person, signal } = request;
  const windowClass = `vestibule-${request.sessionId}`;
  // A desktop over all monitors has no place for a bar.
  const stripped = target.monitors === 'one' && (await options.strip.enter(request));
  const args = viewerArguments({
    major: viewer.major,
    target,
    host: chosen.host,
    protocol: chosen.protocol,
    fingerprints,
    user: who?.user ?? target.user.replaceAll('{id}', person.id),
    domain: who === undefined ? target.domain : who.domain,
    windowClass,
    title: typeof entry.title === 'string' ? entry.title : (entry.title.en ?? entry.id),
    drives,
    fullScreen: !stripped,
  });
  const input = passwordLine(who?.secret);
  request.launching();
  try {
    const process = await startViewer(launcher, {
      viewer,
      args,
      input,
      folder: options.runtimeFolder,
      signal,
      log: options.log,
    });
    await waitForWindow(options, windowClass, process, chosen, signal);
    return runningSession(options, windowClass, process, stripped);
  } finally {
    input.fill(0);
    // Held until the window itself does.
    await options.strip.leave(request);
  }
}

/**
 * No password is sent where the server is to ask for it itself, and none over classic security,
 * where nobody knows who reads it.
 */
function sendsPassword({ credentials, security }: RdpTarget): boolean {
  return credentials !== 'server' && security !== 'classic';
}

function nameOf({ host, port }: RdpTarget['hosts'][number]): string {
  return port === 3389 ? host : `${host}:${port}`;
}

/**
 * Who is behind a gateway cannot be looked at from here: the manifest's pins say it, and the viewer
 * holds host and gateway to them.
 * @throws KioskError `REMOTE_CERTIFICATE` without pins for the hosts, or for an unknown gateway
 */
async function askGateway(
  { pins, random = Math.random }: RdpEngineOptions,
  target: RdpTarget,
  gateway: NonNullable<RdpTarget['gateway']>,
  { ask, signal }: StartRequest<RdpEntry>,
): Promise<{ chosen: ChosenHost; fingerprints: readonly string[] }> {
  const [fingerprint] = target.certificate.pins;
  if (fingerprint === undefined) {
    throw new KioskError('REMOTE_CERTIFICATE', 'Hosts behind a gateway need pinned certificates.');
  }
  const seen = await probeGateway({ host: gateway.host, port: gateway.port, signal });
  const { host, port, pins: believed } = gateway;
  const trust = { ...target.certificate, pins: believed };
  await checkCertificate({ host, port }, seen, trust, { pins, ask });
  const lots = target.hosts.map((one) => ({ one, lot: random() }));
  const [least] = lots.sort((a, b) => a.one.load - b.one.load || a.lot - b.lot);
  if (least === undefined) throw new KioskError('REMOTE_REFUSED', 'The entry lists no host.');
  return {
    chosen: { host: least.one, protocol: 'nla', certificate: { fingerprint, trusted: true } },
    fingerprints: [...target.certificate.pins, seen.fingerprint],
  };
}

async function findHost(
  options: RdpEngineOptions,
  target: RdpTarget,
  signal: AbortSignal,
): Promise<ChosenHost> {
  const hasSecret = sendsPassword(target);
  if (!hasSecret && target.security === 'nla') {
    throw new KioskError('REMOTE_NLA_REQUIRED', 'NLA needs a password before the connection.');
  }
  return await chooseHost(
    target.hosts,
    ({ host, port }) =>
      probe({
        host,
        port,
        // Without a password the server's own login screen is wanted, which NLA has not.
        security: !hasSecret && target.security === 'auto' ? 'tls' : target.security,
        authority: target.certificate.authority,
        routing: target.loadBalanceInfo,
        signal,
      }),
    options.random ?? Math.random,
    options.log,
  );
}

/** One line for xfreerdp's standard input. */
function passwordLine(secret: Uint8Array | undefined): Buffer {
  const line = Buffer.concat([secret ?? new Uint8Array(), Buffer.from('\n')]);
  if (line.indexOf('\n') === line.length - 1 && !line.includes(0)) return line;
  line.fill(0);
  throw new KioskError('REMOTE_CREDENTIALS_WRONG', 'This password cannot be handed to a viewer.');
}

async function presentDrives(
  target: RdpTarget,
  request: StartRequest<RdpEntry>,
): Promise<RdpTarget['drives']> {
  const present: RdpTarget['drives'] = [];
  for (const drive of target.drives) {
    const found = await stat(drive.path).catch(() => undefined);
    if (found?.isDirectory()) present.push(drive);
    else {
      request.notice({
        code: 'REMOTE_FEATURE_MISSING',
        message: `The folder of the drive ${drive.name} is not on this computer.`,
        details: { feature: 'drive', name: drive.name },
      });
    }
  }
  return present;
}

async function waitForWindow(
  { launcher, log }: RdpEngineOptions,
  windowClass: string,
  process: ViewerProcess,
  chosen: ChosenHost,
  signal: AbortSignal,
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(WINDOW_MS)]);
  try {
    if (await windowShown(launcher, windowClass, process, limited)) return;
  } catch (error) {
    await process.child.kill();
    await process.exited;
    throw error;
  }
  const late = limited.aborted;
  if (late) await process.child.kill();
  const exit = await process.exited;
  signal.throwIfAborted();
  log.info('an RDP viewer showed nothing', { exit, reason: process.failure() ?? null });
  throw new KioskError(
    late ? 'SESSION_TIMEOUT' : startFailure(exit, chosen.protocol),
    `The remote desktop did not open (${process.failure() ?? `exit ${exit}`}).`,
  );
}

function runningSession(
  { launcher, log, onReturnChord, strip }: RdpEngineOptions,
  windowClass: string,
  process: ViewerProcess,
  stripped: boolean,
): RunningSession {
  const window = openWindow({
    launcher,
    name: { class: windowClass },
    onChord: onReturnChord,
    strip: stripped ? strip : undefined,
    anySize: false,
  });
  let asked = false;
  return {
    surface: window.surface,
    ended: process.exited.then(async (exit): Promise<SessionEnd> => {
      await window.close();
      log.info('an RDP viewer ended', { exit, reason: process.failure() ?? null });
      const code: ErrorCode | undefined = asked ? undefined : endFailure(exit);
      return code === undefined
        ? {}
        : { error: { code, message: 'The connection to the remote desktop ended.' } };
    }),
    async stop() {
      asked = true;
      await process.child.stop();
    },
    async kill() {
      asked = true;
      await process.child.kill();
    },
  };
}
