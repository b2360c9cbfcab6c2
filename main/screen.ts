/**
 * The screen: what the first picture needs, and nothing else. The features (app.ts) are loaded when
 * something asks for one of them, or the picture is there: until then both processors belong to the
 * browser. They never wait for the page for long, which may need them in a way not thought of here.
 */
import { join } from 'node:path';
import type { EventName, EventPayload } from '../preload/contract/contract.ts';
import { createFirstAnswers } from './bridge/first-answers.ts';
import { FirstState } from './bridge/first-state.ts';
import { PageWatch } from './bridge/page-watch.ts';
import type { DeferredLogger } from './log/deferred.ts';
import { createLog, type Log } from './log/log.ts';
import type { Launcher } from './process/launcher.ts';
import { createDisplayServer } from './sessions/spice/serve.ts';
import { loadSettings, type Settings } from './settings/settings.ts';
import { DISPLAY_ORIGIN } from './shell/origins.ts';
import type { IncomingCall, Shell, ShellOptions } from './shell/shell.ts';
import type { StartOptions } from './start-options.ts';
import {
  type FetchFile,
  type UiCache,
  type UiCacheReport,
  WHOLE_FILE_BYTES,
} from './uicache/api.ts';
import { collect } from './uicache/collect.ts';
import { createUiCache } from './uicache/uicache.ts';

/** From the page on its way to its picture, before the features are loaded all the same. */
const PATIENCE_MS = 1_000;

export interface KioskStart {
  readonly options: StartOptions;
  readonly launcher: Launcher;
  /** Lines from before the log existed. */
  readonly early: DeferredLogger;
  readonly uiOrigin: string;
  readonly openShell: (options: ShellOptions) => Promise<Shell>;
}

/** What the screen asks of the features once they are there; until then it waits. */
export interface ScreenPorts {
  readonly onCall: (call: IncomingCall) => void;
  readonly fetchFile: FetchFile;
  readonly onUiReport: (report: UiCacheReport) => void;
  /** The page's process died; it is being loaded again. */
  readonly onCrash: (reason: string) => void;
}

export interface Screen {
  readonly settings: Settings;
  readonly log: Log;
  readonly uiCache: UiCache;
  readonly pageWatch: PageWatch;
  /** Undefined until there is a window. */
  readonly shell: Shell | undefined;
  /** Settles when it is time for the features: see above. */
  readonly wanted: Promise<void>;
  /** Settles when the page is on its way into the window. Rejects where there will be no screen. */
  readonly opened: Promise<void>;
  /** Settles when a page has been drawn for the first time. */
  readonly painted: Promise<void>;
  /** Settles when the screen is gone for good. */
  readonly over: Promise<void>;
  emit<N extends EventName>(event: N, payload: EventPayload<N>): void;
  /** What the next start shows first. */
  readonly firstState: FirstState;
  /** Whatever the page has called until then is answered now. */
  connect(ports: ScreenPorts): void;
}

/**
 * @throws KioskError where there can be no screen at all (settings, a locked or broken data folder)
 */
export async function openScreen(start: KioskStart): Promise<Screen> {
  const { options, early } = start;
  const { dataFolder, runtimeFolder, distFolder } = options;
  const settings = loadSettings(
    options.settingsFile === undefined ? {} : { file: options.settingsFile },
  );
  const log = createLog({
    level: settings.get('log.level'),
    destination: { type: 'file', path: join(dataFolder, 'log', 'vestibule.log') },
  });
  early.connect(log);
  for (const problem of settings.problems) log.warn(problem.message, { code: problem.code });
  settings.on('changed', () => log.setLevel(settings.get('log.level')));

  let shell: Shell | undefined;
  const wanted = Promise.withResolvers<void>();
  const painted = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const ports = Promise.withResolvers<ScreenPorts>();
  const features = (): Promise<ScreenPorts> => {
    wanted.resolve();
    return ports.promise;
  };

  const uiCache = await createUiCache({
    folder: join(dataFolder, 'ui'),
    fallbackFolder: join(distFolder, 'renderer'),
    fetchFile: (file, ...request) => {
      // In an object: a promise of a promise would wait for the file instead of its beginning.
      const answer = features().then(({ fetchFile }) => ({ file: fetchFile(file, ...request) }));
      return file.size > WHOLE_FILE_BYTES
        ? pieces(answer)
        : answer.then((each) => collect(each.file, file.size));
    },
    frameOrigins: [DISPLAY_ORIGIN],
    log: log.scope('ui'),
    report: (event) => void features().then(({ onUiReport }) => onUiReport(event)),
  });
  const pageWatch = new PageWatch({
    rendered: () => {
      uiCache.rendered();
      painted.resolve();
      wanted.resolve();
    },
    load: () => uiCache.load,
    renderFailed: (reason) => uiCache.renderFailed(reason),
    reload: async () => shell?.reload(),
    log: log.scope('page'),
  });

  const firstState = new FirstState(join(dataFolder, 'first-state.json'), log.scope('page'));
  const state = firstState.read();
  let answerFirst = state && createFirstAnswers({ state, uiOrigin: start.uiOrigin, pageWatch });

  const open = async (): Promise<void> => {
    shell = await start.openShell({
      kiosk: options.kiosk,
      developer: options.developer,
      serveUi: (request) => {
        // The page's first question will be one for the features.
        if (!answerFirst) wanted.resolve();
        return uiCache.serve(request);
      },
      serveDisplay: createDisplayServer({
        folder: join(distFolder, 'display'),
        uiOrigin: start.uiOrigin,
      }),
      onCall: (call) => {
        if (!answerFirst?.(call)) void features().then(({ onCall }) => onCall(call));
      },
      dataFolder: runtimeFolder,
      preloadFolder: join(distFolder, 'preload'),
      uiOrigin: start.uiOrigin,
      displayOrigin: DISPLAY_ORIGIN,
    });
    shell.on('crashed', ({ reason }) => {
      log.error('the page crashed', { code: 'UI_CRASHED', reason });
      pageWatch.crashed(reason);
      void features().then(({ onCrash }) => onCrash(reason));
    });
    shell.on('closed', () => over.resolve());
    pageWatch.loading();
    await shell.open();
  };
  const opened = open();
  opened.then(() => setTimeout(wanted.resolve, PATIENCE_MS), wanted.resolve);

  return {
    settings,
    log,
    uiCache,
    pageWatch,
    get shell() {
      return shell;
    },
    wanted: wanted.promise,
    opened,
    painted: painted.promise,
    over: over.promise,
    emit: (event, payload) => shell?.emit(event, payload),
    firstState,
    connect(features) {
      answerFirst = undefined;
      ports.resolve(features);
    },
  };
}

async function* pieces(
  answer: Promise<{ readonly file: ReturnType<FetchFile> }>,
): AsyncGenerator<Uint8Array> {
  const { file } = await answer;
  if (Symbol.asyncIterator in file) yield* file;
  else yield await file;
}
