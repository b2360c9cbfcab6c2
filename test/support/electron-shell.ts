/** A shell that lives in Electron's main process, as the conformance suite drives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { build } from 'vite';
import { Emitter } from '../../main/base/events.ts';
import type {
  Caller,
  Shell,
  ShellEvents,
  ShellOptions,
  View,
  ViewOptions,
} from '../../main/shell/shell.ts';
import { packResponse, unpackRequest, type WireRequest, type WireStart } from './electron-wire.ts';
import { Peer } from './peer.ts';

type Serve = NonNullable<ViewOptions['offline']>;

/** Starts Electron with the host (electron-host-child.ts) and makes the shell there. */
export async function startElectronShell(
  program: string,
  options: ShellOptions & { readonly env: Record<string, string> },
): Promise<{ readonly shell: Shell; readonly pid: () => number }> {
  const child = await launch(program, options);
  const [input, output] = [child.stdio[4], child.stdio[3]];
  if (!(input instanceof Readable) || !(output instanceof Writable)) throw new Error('no pipes');
  const emitter = new Emitter<ShellEvents>((error) => console.error(error));
  const serves = new Map<string, Serve>([
    ['ui', options.serveUi],
    ['display', options.serveDisplay],
  ]);
  const ends = new Map<string, (end: { readonly crashed: boolean }) => void>();
  const peer = new Peer(input, output, {
    serve: async (params) => {
      const request = params as WireRequest;
      return packResponse(await serves.get(request.of)?.(unpackRequest(request)));
    },
    onCall: (params) => {
      const { caller, message } = params as { caller: Caller; message: string };
      return new Promise((reply) => options.onCall({ caller, message, reply }));
    },
    event: (params) => {
      const { event, payload } = params as { event: keyof ShellEvents; payload: never };
      emitter.emit(event, payload);
    },
    viewClosed: (params) => {
      const { id, crashed } = params as { id: string; crashed: boolean };
      ends.get(id)?.({ crashed });
    },
  });
  const { kiosk, developer, dataFolder, uiOrigin, displayOrigin, preloadFolder } = options;
  const start: WireStart = { kiosk, developer, dataFolder, uiOrigin, displayOrigin, preloadFolder };
  const version = String(await peer.call('start', start));
  const view = async (method: string, id: string, params: object, serve?: Serve): Promise<View> => {
    if (serve) serves.set(id, serve);
    const closed = new Promise<{ readonly crashed: boolean }>((resolve) => ends.set(id, resolve));
    await peer.call(method, params);
    const act = async (name: string): Promise<void> => {
      await peer.call('view', { id, act: name });
    };
    return {
      id,
      closed,
      show: () => act('show'),
      hide: () => act('hide'),
      close: () => act('close'),
    };
  };
  const shell: Shell = {
    kind: 'electron',
    version,
    developerPort: null,
    open: async () => void (await peer.call('open')),
    reload: async () => void (await peer.call('reload')),
    emit: (event, payload) => void peer.call('emit', [event, payload]),
    openView: ({ offline, ...rest }) =>
      view('openView', rest.id, { ...rest, offline: offline !== undefined }, offline),
    openPages: ({ serve, ...rest }) => view('openPages', rest.id, rest, serve),
    on: (event, listener) => emitter.on(event, listener),
    close: async () => {
      const gone = once(child, 'exit');
      await peer.call('close').catch(() => {});
      await gone;
    },
  };
  return { shell, pid: () => child.pid ?? 0 };
}

async function launch(
  program: string,
  options: ShellOptions & { readonly env: Record<string, string> },
): Promise<ChildProcess> {
  const folder = join(options.dataFolder, 'host');
  mkdirSync(folder, { recursive: true });
  await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      outDir: folder,
      minify: false,
      target: 'es2024',
      ssr: join(import.meta.dirname, 'electron-host-child.ts'),
      rolldownOptions: { external: ['electron'], output: { entryFileNames: 'host.mjs' } },
    },
    ssr: { noExternal: true, external: ['electron'] },
  });
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const args = [...root, join(folder, 'host.mjs'), options.dataFolder, options.displayOrigin];
  return spawn(program, args, {
    env: options.env,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
  });
}
