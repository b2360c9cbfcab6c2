/**
 * Remote desktops over SPICE: embedded in a frame, or in the native viewer's window. Address,
 * certificate and ticket are checked before a person sees anything of either.
 */
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import { KioskError } from '../../base/errors.ts';
import type { SpiceEntry } from '../../base/manifest.ts';
import { checkCertificate } from '../certificate.ts';
import type { CredentialDesk } from '../credentials.ts';
import type { Engine, RunningSession, SessionEnd, StartRequest } from '../engine.ts';
import type { PinStore } from '../pins.ts';
import type { SpiceBridge } from './bridge.ts';
import { checkConnection } from './check.ts';
import type { SpiceConnection } from './connection.ts';
import { meetCertificate } from './dial.ts';
import { connectionOf, SpiceTarget, TicketAnswer } from './target.ts';
import type { NativeViewer } from './viewer.ts';
import { looksLikeVvFile, parseVvFile } from './vv-file.ts';

/** How long a lost connection may stay lost before the session is over. */
const RECONNECT_MS = 60_000;
/** Losses that no reconnection mends. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'REMOTE_CERTIFICATE',
  'REMOTE_CERTIFICATE_CHANGED',
  'REMOTE_CREDENTIALS_WRONG',
  'REMOTE_NEGOTIATION_FAILED',
]);

/** Asks the campus for a short-lived ticket. */
export interface TicketSource {
  /** @returns the answer's text: a .vv file, or JSON with a `password` */
  fetch(
    url: string,
    who: { readonly entryId: string; readonly personId: string; readonly signal: AbortSignal },
  ): Promise<string>;
}

export interface SpiceEngineOptions {
  readonly bridge: SpiceBridge;
  readonly viewer: NativeViewer;
  readonly tickets: TicketSource;
  readonly credentials: CredentialDesk;
  readonly pins: PinStore;
  /** What `engine: "auto"` means on this kiosk. */
  readonly preferred: () => 'native' | 'embedded';
}

export function createSpiceEngine(options: SpiceEngineOptions): Engine<SpiceEntry> {
  return {
    kind: 'spice',
    surface: 'frame',
    async start(request: StartRequest<SpiceEntry>): Promise<RunningSession> {
      const parsed = SpiceTarget.safeParse(request.entry.target);
      if (!parsed.success) {
        throw new KioskError('REMOTE_NEGOTIATION_FAILED', 'The entry names no SPICE server.', {
          details: { fields: parsed.error.issues.map((issue) => issue.path.join('.')) },
        });
      }
      const target = await believed(options, parsed.data, request);
      if (!target.askPassword) return await startSession(options, target, undefined, request);
      return await options.credentials.use(
        request,
        { server: target.host, user: null, domain: null, signOn: false },
        ({ secret }) => startSession(options, target, secret, request),
      );
    },
  };
}

/** The target, held to the certificate that this kiosk met first where the campus wants that. */
async function believed(
  { pins }: SpiceEngineOptions,
  target: SpiceTarget,
  { ask, signal }: StartRequest<SpiceEntry>,
): Promise<SpiceTarget> {
  const vouched = target.ca ?? target.hostSubject ?? target.fingerprint;
  const { endpoint } = connectionOf(target);
  if (!target.trustFirst || vouched !== undefined || endpoint.type !== 'tls') return target;
  const seen = await meetCertificate(endpoint, signal);
  const trust = { pins: [], trustFirst: target.trustFirst };
  await checkCertificate(endpoint, seen, trust, { pins, ask });
  return seen.trusted ? target : { ...target, fingerprint: seen.fingerprint };
}

/** @param typed the password that the person was asked for, as long as it is not wiped */
async function startSession(
  options: SpiceEngineOptions,
  target: SpiceTarget,
  typed: Uint8Array | undefined,
  request: StartRequest<SpiceEntry>,
): Promise<RunningSession> {
  const { entry, signal, person } = request;
  const connect = async (within: AbortSignal): Promise<SpiceConnection> => {
    const connection = await resolveConnection(target, options.tickets, {
      entryId: entry.id,
      personId: person.id,
      signal: within,
    });
    if (typed === undefined) return connection;
    return { ...connection, password: Buffer.from(typed).toString('utf8') };
  };
  const first = await connect(signal);
  request.launching();
  if (await wantsNative(options, request, target)) {
    return await startNative(options.viewer, first, request);
  }
  await checkConnection(first, signal);
  signal.throwIfAborted();
  return startEmbedded(options.bridge, first, connect, request.sessionId);
}

async function wantsNative(
  options: SpiceEngineOptions,
  request: StartRequest<SpiceEntry>,
  target: SpiceTarget,
): Promise<boolean> {
  const asked = request.entry.engine === 'auto' ? options.preferred() : request.entry.engine;
  if (asked !== 'native') return false;
  // The viewer knows no pins: it would ask the student about a certificate that is in order.
  const pinned = target.fingerprint !== undefined && target.ca === undefined;
  if (!pinned && (await options.viewer.available())) return true;
  if (request.entry.engine === 'native') {
    request.notice({
      code: 'ENGINE_MISSING',
      message: pinned
        ? 'The native SPICE viewer takes no pinned certificate: the session is shown in the page.'
        : 'The native SPICE viewer is not installed: the session is shown in the page.',
    });
  }
  return false;
}

async function startNative(
  viewer: NativeViewer,
  connection: SpiceConnection,
  { entry, signal }: StartRequest<SpiceEntry>,
): Promise<RunningSession> {
  const title = typeof entry.title === 'string' ? entry.title : (entry.title.en ?? entry.id);
  const window = await viewer.open(connection, title, signal);
  let asked = false;
  const stop = async (): Promise<void> => {
    asked = true;
    await window.close();
  };
  return {
    surface: window.surface,
    // The viewer ends with its connection; it has no way to tell a logout from a failure.
    ended: window.ended.then(() => (asked ? {} : lost('REMOTE_LOST'))),
    stop,
    kill: stop,
  };
}

function startEmbedded(
  bridge: SpiceBridge,
  first: SpiceConnection,
  connect: (signal: AbortSignal) => Promise<SpiceConnection>,
  sessionId: string,
): RunningSession {
  const over = Promise.withResolvers<SessionEnd>();
  const ended = new AbortController();
  let fresh: SpiceConnection | undefined = first;
  let waiting: NodeJS.Timeout | undefined;
  const finish = (end: SessionEnd): void => {
    clearTimeout(waiting);
    ended.abort();
    bridge.close(sessionId);
    over.resolve(end);
  };
  const stop = async (): Promise<void> => finish({});
  return {
    surface: {
      type: 'frame',
      protocol: 'spice',
      async open() {
        // The ticket that was checked serves the first frame; each later one gets its own.
        const connection = fresh ?? (await connect(ended.signal));
        fresh = undefined;
        return await bridge.address(sessionId, connection, {
          connected: () => clearTimeout(waiting),
          lost: (error) => {
            if (FINAL.has(error.code)) return finish(lost(error.code));
            clearTimeout(waiting);
            waiting = setTimeout(() => finish(lost(error.code)), RECONNECT_MS);
          },
        });
      },
    },
    ended: over.promise,
    stop,
    kill: stop,
  };
}

function lost(code: ErrorCode): SessionEnd {
  return { error: { code, message: 'The connection to the remote desktop ended.' } };
}

async function resolveConnection(
  target: SpiceTarget,
  tickets: TicketSource,
  who: Parameters<TicketSource['fetch']>[1],
): Promise<SpiceConnection> {
  if (target.ticket === undefined) return connectionOf(target);
  const answer = await tickets.fetch(target.ticket, who);
  if (looksLikeVvFile(answer)) {
    // The pins of the signed manifest outrank what the ticket endpoint says.
    const { ca, hostSubject, fingerprint } = target;
    const fromFile = parseVvFile(answer);
    return connectionOf({
      ...fromFile,
      ca: ca ?? fromFile.ca,
      hostSubject: hostSubject ?? fromFile.hostSubject,
      fingerprint,
    });
  }
  const parsed = TicketAnswer.safeParse(parseJson(answer));
  if (!parsed.success) {
    throw new KioskError('REMOTE_TICKET_EXPIRED', 'The campus gave no usable ticket.');
  }
  return connectionOf({ ...target, password: parsed.data.password });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
