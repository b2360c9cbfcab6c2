/**
 * What the conformance suite needs around a shell, and nothing that only one shell has: pages say
 * what they found through the bridge, web sessions through a real HTTP server, keys come from X11.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDispatcher } from '../../main/bridge/dispatcher.ts';
import type { LogFields, Logger } from '../../main/log/logger.ts';
import type {
  IncomingCall,
  OriginRequest,
  OriginResponse,
  Shell,
  ShellOptions,
} from '../../main/shell/shell.ts';
import type { Role } from '../../preload/contract/model.ts';
import { buildPreload } from '../../scripts/build-preload.ts';
import { type Display, startDisplay } from '../support/display.ts';
import { handlersWith } from '../support/handlers.ts';

export const UI = 'https://ui.vestibule.invalid';
export const DISPLAY = 'https://display.vestibule.invalid';

/** What each document with the bridge asks by itself, before any script of the page runs. */
const FIRST_QUESTION = '{"id":1,"method":"state.get"';

/** A shell under test. */
export interface Candidate {
  readonly name: string;
  create(
    options: ShellOptions & { readonly env: Record<string, string>; readonly log: Logger },
  ): Promise<{
    readonly shell: Shell;
    /** The root of its process tree. */
    readonly pid: () => number;
  }>;
}

export interface Harness {
  readonly shell: Shell;
  readonly display: Display;
  readonly pid: () => number;
  /** The home folder that the shell's programs see. */
  readonly home: string;
  /** Calls as they arrived, with their callers; without the first question of each document. */
  readonly calls: IncomingCall[];
  role: Role;
  /** Origins that may call beside the UI's. */
  privileged: string[];
  /** How often the shell said `returnChord`, `crashed`. */
  readonly events: { returnChord: number; crashed: string[] };
  /** Pages of the two origins by path. */
  readonly uiPages: Map<string, Page>;
  readonly displayPages: Map<string, Page>;
  /**
   * Loads a UI page that runs the body of an async function and resolves with what it returned,
   * as JSON. The body may use `kiosk` and `sleep(ms)`.
   */
  run(body: string, html?: string): Promise<unknown>;
  /** What the page says next through the bridge. */
  said(): Promise<unknown>;
  key(chord: string): void;
  click(x: number, y: number): void;
  stop(): Promise<void>;
}

export interface Page {
  readonly body: string;
  readonly headers?: Record<string, string>;
}

export async function startHarness(candidate: Candidate): Promise<Harness> {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-shell-'));
  const preloadFolder = join(folder, 'preload');
  await buildPreload(preloadFolder);
  const display = await startDisplay();
  const calls: IncomingCall[] = [];
  const events: Harness['events'] = { returnChord: 0, crashed: [] };
  const uiPages = new Map<string, Page>();
  const displayPages = new Map<string, Page>();
  const reports = mailbox<unknown>();
  const state = { role: 'anyone' as Role, privileged: [] as string[] };
  const dispatch = createDispatcher({
    handlers: handlersWith({
      'ui.report': ({ message }) => {
        reports.put(JSON.parse(message));
        return null;
      },
      'ui.rendered': () => null,
      'people.continueAsGuest': () => ({
        id: 'guest',
        name: 'Guest',
        kind: 'guest',
        groups: [],
        offline: false,
      }),
      // What the contract does not allow: the dispatcher must keep it from the page.
      'preferences.set': () => ({ locale: 'klingon', secret: 'x' }) as never,
    }),
    role: () => state.role,
    uiOrigins: () => [UI, ...state.privileged],
    log: quiet,
  });
  const { shell, pid } = await candidate.create({
    kiosk: true,
    developer: false,
    serveUi: serveFrom(uiPages),
    serveDisplay: serveFrom(displayPages),
    onCall: (call) => {
      if (!call.message.startsWith(FIRST_QUESTION)) calls.push(call);
      dispatch(call);
    },
    dataFolder: folder,
    uiOrigin: UI,
    displayOrigin: DISPLAY,
    preloadFolder,
    env: { ...display.env, HOME: folder },
    log: quiet,
  });
  shell.on('returnChord', () => {
    events.returnChord++;
  });
  shell.on('crashed', ({ reason }) => {
    events.crashed.push(reason);
  });
  const xdotool = (...args: string[]): void => {
    execFileSync('xdotool', args, { env: display.env });
  };
  let opened = false;
  return {
    shell,
    display,
    pid,
    home: folder,
    calls,
    get role() {
      return state.role;
    },
    set role(role) {
      state.role = role;
    },
    get privileged() {
      return state.privileged;
    },
    set privileged(origins) {
      state.privileged = origins;
    },
    events,
    uiPages,
    displayPages,
    async run(body, html = '') {
      uiPages.set('/', page(html, body));
      reports.clear();
      await (opened ? shell.reload() : shell.open());
      opened = true;
      return reports.take();
    },
    said: () => reports.take(),
    key: (chord) => xdotool('key', chord),
    click: (x, y) => xdotool('mousemove', String(x), String(y), 'click', '1'),
    async stop() {
      await shell.close();
      await display.stop();
      // The last of the shell's processes may still be writing.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
    },
  };
}

/** A document that runs an async function and reports what it returns or throws. */
export function page(html: string, body: string): Page {
  return {
    body: `<!doctype html><meta charset="utf-8"><title>test</title><body>${html}<script>
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const code = (call) => call.then(() => 'resolved', (error) => error.code);
const say = (value) => kiosk.ui.report({ message: JSON.stringify(value ?? null) });
(async () => { ${body} })().then(say, (error) => say({ thrown: String(error) }));
</script>`,
  };
}

/** A real web server for web sessions; `reports` is what its pages posted to `/report`. */
export interface Site {
  readonly port: number;
  /** `host path` of every request. */
  readonly requests: string[];
  readonly pages: Map<string, Page>;
  report(): Promise<unknown>;
  /** Forgets pages, requests and reports. */
  clear(): void;
  stop(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const requests: string[] = [];
  const pages = new Map<string, Page>();
  const reports = mailbox<unknown>();
  const server: Server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    requests.push(`${request.headers.host} ${path}`);
    if (path === '/report') reports.put(JSON.parse(await text(request)));
    const found = pages.get(path);
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/html', ...found?.headers });
    response.end(found?.body ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the site has no port');
  return {
    port: address.port,
    requests,
    pages,
    report: () => reports.take(),
    clear() {
      requests.length = 0;
      pages.clear();
      reports.clear();
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/**
 * A document of a web session, which has no bridge: it reports by `fetch`. The body may use
 * `sleep(ms)` and `when(ask)`, which resolves with what `ask` answers once that is true.
 */
export function sitePage(body: string, html = ''): Page {
  return {
    body: `<!doctype html><meta charset="utf-8"><title>site</title><body>${html}<script>
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const when = async (ask) => {
  for (;;) { const found = ask(); if (found) return found; await sleep(50); }
};
const say = (value) => fetch('/report', { method: 'POST', body: JSON.stringify(value ?? null) });
(async () => { ${body} })().then(say, (error) => say({ thrown: String(error) }));
</script>`,
  };
}

/** Resolves once the condition holds; the test's own time limit ends the wait. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50);
}

/**
 * Does what a person does again until it has its answer: windows get the focus, and take clicks,
 * when it pleases the window manager. One try has time to be answered before the next.
 */
export async function insist<T>(act: () => void, answer: Promise<T>): Promise<T> {
  let answered = false;
  const settled = answer.finally(() => {
    answered = true;
  });
  while (!answered) {
    act();
    await Promise.race([settled, sleep(2_000)]);
  }
  return settled;
}

/** The files below a folder in which programs make and remove files meanwhile. */
export function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
  } catch {
    return [];
  }
}

/** Whether a regular file that may vanish at any moment contains the text. */
export function fileContains(path: string, text: string): boolean {
  try {
    return readFileSync(path).includes(text);
  } catch {
    return false;
  }
}

function serveFrom(pages: Map<string, Page>): (request: OriginRequest) => Promise<OriginResponse> {
  return async ({ url }) => {
    const found = pages.get(url.pathname);
    if (!found) return { status: 404, headers: {}, body: null };
    return {
      status: 200,
      headers: { 'Content-Type': 'text/html; charset=utf-8', ...found.headers },
      body: new TextEncoder().encode(found.body),
    };
  };
}

/** Words in the order in which they came, for takers in the order in which they asked. */
export function mailbox<T>(): { put(value: T): void; take(): Promise<T>; clear(): void } {
  let values: T[] = [];
  let takers: ((value: T) => void)[] = [];
  return {
    put(value) {
      const taker = takers.shift();
      if (taker) taker(value);
      else values.push(value);
    },
    take() {
      const [first, ...rest] = values;
      if (values.length === 0) return new Promise((resolve) => takers.push(resolve));
      values = rest;
      return Promise.resolve(first as T);
    },
    clear() {
      values = [];
      // What a test that ran out of time still waits for is not the next one's to lose.
      takers = [];
    },
  };
}

/** Shows what a shell logs when VESTIBULE_TEST_LOG is set. */
const quiet: Logger = {
  debug: (message, fields) => print('debug', message, fields),
  info: (message, fields) => print('info', message, fields),
  warn: (message, fields) => print('warn', message, fields),
  error: (message, fields) => print('error', message, fields),
  scope: () => quiet,
};

function print(level: string, message: string, fields: LogFields = {}): void {
  if (process.env.VESTIBULE_TEST_LOG) console.log(level, message, fields);
}
