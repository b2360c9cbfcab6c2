/**
 * Runs inside Electron's main process: the shell as the product makes it, driven by the test
 * process over the file descriptors 3 and 4 (electron-shell.ts in this folder).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { app } from 'electron';
import { silentLogger } from '../../main/log/logger.ts';
import { createElectronShell } from '../../main/shell/electron/electron-shell.ts';
import { prepareElectron } from '../../main/shell/electron/prepare.ts';
import type { OriginRequest, OriginResponse, Shell, View } from '../../main/shell/shell.ts';
import {
  packRequest,
  unpackResponse,
  type WirePages,
  type WireResponse,
  type WireStart,
  type WireView,
} from './electron-wire.ts';
import { Peer } from './peer.ts';

const views = new Map<string, View>();
let shell: Shell | undefined;

const peer = new Peer(createReadStream('', { fd: 3 }), createWriteStream('', { fd: 4 }), {
  start: async (params) => {
    const options = params as WireStart;
    shell = await createElectronShell({
      ...options,
      log: silentLogger,
      serveUi: asked('ui'),
      serveDisplay: asked('display'),
      onCall: ({ caller, message, reply }) =>
        void peer.call('onCall', { caller, message }).then((text) => {
          if (typeof text === 'string') reply(text);
        }),
    });
    for (const event of ['crashed', 'returnChord', 'closed'] as const) {
      shell.on(event, (payload) => void peer.call('event', { event, payload }));
    }
    return shell.version;
  },
  open: () => shell?.open(),
  reload: () => shell?.reload(),
  emit: (params) => {
    const [event, payload] = params as Parameters<Shell['emit']>;
    shell?.emit(event, payload);
  },
  openView: async (params) => {
    const { offline, ...options } = params as WireView;
    keep(await shell?.openView(offline ? { ...options, offline: saved(options.id) } : options));
  },
  openPages: async (params) => {
    const options = params as WirePages;
    keep(await shell?.openPages({ ...options, serve: asked(options.id) }));
  },
  view: (params) => {
    const { id, act } = params as { id: string; act: 'show' | 'hide' | 'close' };
    return views.get(id)?.[act]();
  },
  close: async () => {
    await shell?.close();
    setImmediate(() => app.exit(0));
  },
});

function keep(view: View | undefined): void {
  if (!view) throw new Error('there is no shell');
  views.set(view.id, view);
  void view.closed.then((end) => peer.call('viewClosed', { id: view.id, ...end }));
}

function saved(of: string): (request: OriginRequest) => Promise<OriginResponse | undefined> {
  return async (request) =>
    unpackResponse((await peer.call('serve', packRequest(of, request))) as WireResponse);
}

function asked(of: string): (request: OriginRequest) => Promise<OriginResponse> {
  return async (request) => (await saved(of)(request)) ?? { status: 404, headers: {}, body: null };
}

const [dataFolder = '', displayOrigin = ''] = process.argv.slice(-2);
if (!prepareElectron(app, { dataFolder, displayOrigin })) throw new Error('Electron runs already');
