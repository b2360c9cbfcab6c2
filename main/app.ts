import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from './base/clock.ts';
import { KioskError } from './base/errors.ts';
import { VERSION } from './base/version.ts';
import { createDispatcher } from './bridge/dispatcher.ts';
import { createHandlers } from './bridge/handlers.ts';
import { KioskView } from './bridge/kiosk-view.ts';
import type { AcceptedManifest, Report } from './campus/api.ts';
import { createKioskCampus, createUiLane, savedPages } from './campus-side.ts';
import { readIdentity } from './device/identity.ts';
import { readWarnings } from './device/warnings.ts';
import { createDeviceCalls } from './device-calls.ts';
import { createEngines } from './engines.ts';
import { createHelperClient } from './helper/client.ts';
import { createKioskHomes, homeNotices } from './homes-side.ts';
import { watchAbsence } from './idle-side.ts';
import { createKioskImages } from './images-side.ts';
import { createInstallSide } from './install-side.ts';
import { createJobs } from './jobs/jobs.ts';
import { PagesScreen } from './pages-screen.ts';
import { createKioskPeople } from './people-side.ts';
import { startPowerSide } from './power-side.ts';
import { sessionReport, uiReport } from './reports.ts';
import type { KioskStart, Screen } from './screen.ts';
import { SessionManager } from './sessions/manager.ts';
import { createSpiceBridge } from './sessions/spice/late-bridge.ts';
import { DISPLAY_ORIGIN } from './shell/origins.ts';
import { RETURN_CHORD } from './shell/shell.ts';
import { PageSaver } from './uicache/page-saver.ts';
import { createPageCache } from './uicache/pages.ts';
import { pagesTexts } from './view-texts.ts';
import { followVisits } from './visits.ts';

/** A page that has not painted by now has other troubles than a busy processor. */
const FIRST_PAINT_MS = 5_000;

export interface Kiosk {
  /** Settles when the screen is gone for good: the entry then ends the process. */
  readonly over: Promise<void>;
  /** Settles when a page has been drawn for the first time. */
  readonly painted: Promise<void>;
  /**
   * @param endSessions false: local machines go on, to be adopted by the next start
   */
  close(endSessions: boolean): Promise<void>;
}

/**
 * Starts everything behind the screen.
 * @throws KioskError where it cannot run at all (a locked or broken data folder, no screen)
 */
export async function startKiosk(start: KioskStart, screen: Screen): Promise<Kiosk> {
  const { options, launcher } = start;
  const { dataFolder, runtimeFolder } = options;
  const { settings, log, uiCache, pageWatch, emit } = screen;
  const closing = new AbortController();

  const identity = await readIdentity();
  const kioskId = settings.get('kiosk.id') ?? identity.id;
  const campus = createKioskCampus({
    settings,
    identity,
    kioskId,
    dataFolder,
    log: log.scope('campus'),
    orders: {
      refresh: () => campus.refresh(),
      verifyImage: async (image) => void images.verify(image),
      power: (action) => device.power(action),
      install: (profile) => installs.orders.install(profile),
      rollbackSystem: () => installs.orders.rollback(),
    },
  });
  const report = (entry: Report): void => campus.report(entry);
  const manifest = () => campus.manifest?.manifest;
  if (campus.manifest) settings.applyPolicy(campus.manifest.manifest.policy.settings);

  const lane = createUiLane(campus, settings);
  const pages = await createPageCache({
    folder: join(dataFolder, 'pages'),
    fetchPage: (request) => campus.http.fetchPage(request),
    log: log.scope('pages'),
  });

  const { people, guests, members } = createKioskPeople({ campus, settings, dataFolder, log });
  const homes = createKioskHomes({
    launcher,
    settings,
    dataFolder,
    runtimeFolder,
    log: log.scope('homes'),
  });

  const jobs = createJobs({ path: join(dataFolder, 'jobs.db'), log: log.scope('jobs') });
  const kioskImages = await createKioskImages({
    settings,
    campus,
    launcher,
    jobs,
    dataFolder,
    kioskId,
    kioskName: () => settings.get('kiosk.name') ?? identity.hostname,
    log,
  });
  const { images } = kioskImages;

  const helper = createHelperClient({ socket: join(options.systemFolder, 'helper.sock') });
  const installs = createInstallSide({
    helper,
    jobs,
    campus,
    settings,
    people,
    dataFolder,
    signal: closing.signal,
    power: (action) => device.power(action),
    folder: join(runtimeFolder, 'install'),
    places: {
      imageFolder: join(options.systemFolder, 'image'),
      bootFolder: join(options.systemFolder, 'boot'),
    },
    onSystem: (system) => emit('install.changed', system),
    log: log.scope('install'),
  });

  const frames = {
    log: log.scope('display'),
    displayOrigin: DISPLAY_ORIGIN,
    uiOrigin: start.uiOrigin,
    returnChord: RETURN_CHORD.label,
  };
  const spice = createSpiceBridge(frames);
  const engines = createEngines({
    launcher,
    settings,
    campus,
    images,
    people,
    homes,
    spice,
    kiosk: options.kiosk,
    frames,
    dataFolder,
    runtimeFolder,
    shell: () => screen.shell,
    savedPage: (request) => pages.lookup(request),
    onReturnChord: () => sessions.hide(),
    log,
  });
  const sessions = new SessionManager({
    engines: engines.all,
    display: spice,
    maxSessions: () => settings.get('sessions.max'),
    graceMs: () => settings.get('sessions.graceSeconds') * 1000,
    clock: systemClock,
    log: log.scope('sessions'),
    report: (session) => report(sessionReport(session)),
  });

  const device = createDeviceCalls({
    launcher,
    settings,
    campus,
    dataFolder,
    helper,
    signal: closing.signal,
    virtualization: engines.virtualization,
    log: log.scope('device'),
    own: () => ({
      vestibule: VERSION,
      shell: screen.shell?.version ?? '',
      ui: uiCache.status().version,
      manifest: manifest()?.version ?? null,
    }),
    beforePower: () => sessions.stopAll(),
  });

  let warnings: Awaited<ReturnType<typeof readWarnings>> = [];
  const view = new KioskView({
    campus,
    identity: () => ({ id: kioskId, name: settings.get('kiosk.name') ?? identity.hostname }),
    place: () => ({ room: settings.get('kiosk.room'), seat: settings.get('kiosk.seat') }),
    ui: () => {
      const { source, version } = uiCache.status();
      return { source, version };
    },
    person: () => people.current,
    home: () => homes.state,
    preferences: () => people.preferences,
    locales: () => settings.get('locale.list'),
    guests,
    members,
    warnings: () => warnings,
    signOutAt: () => absence.signOutAt,
    returnChord: RETURN_CHORD.label,
    image: (id) => images.status(id),
    savedAt: (entryId) => pages.savedAt(entryId),
    engines: new Set(engines.all.map(({ kind }) => kind)),
    emit,
  });
  const absence = watchAbsence({
    launcher,
    settings,
    people,
    sessions,
    changed: view.touch,
    log: log.scope('people'),
  });
  const pagesScreen = new PagesScreen({
    open: (pages) => {
      if (!screen.shell) throw new KioskError('BRIDGE_CLOSED', 'The screen is not ready.');
      return screen.shell.openPages(pages);
    },
    handle: (request) => pages.handle(request),
    texts: () => pagesTexts(manifest()?.campus.name ?? '', people.preferences.locale),
    mayCover: () => people.current === null,
    log: log.scope('pages'),
  });
  const onCall = createDispatcher({
    handlers: createHandlers({
      view,
      pageWatch,
      people,
      sessions,
      strip: engines.strip,
      pins: engines.pins,
      jobs,
      images,
      install: installs.install,
      campus,
      device,
      settings,
      log,
    }),
    role: () => {
      if (people.current === null) return 'anyone';
      return people.current.kind === 'admin' ? 'admin' : 'person';
    },
    uiOrigins: () => [start.uiOrigin, ...pagesScreen.privileged],
    log: log.scope('bridge'),
  });

  // What one feature tells another.
  const saver = new PageSaver({
    pages,
    wanted: () => manifest()?.catalogue.flatMap(savedPages),
    online: () => campus.link.state === 'online',
    onSaved: view.touch,
    log: log.scope('pages'),
  });
  const tellSessions = (): void => {
    // Machines are drawn by the UI behind the pages, web sessions have a window of their own.
    const shown = sessions.list().find((session) => session.shown);
    if (shown) pagesScreen.yield(shown.kind === 'web');
    if (people.current) emit('sessions.changed', sessions.listOf(people.current.id));
    kioskImages.setBusy(sessions.active > 0);
  };
  const accept = ({ manifest }: AcceptedManifest): void => {
    settings.applyPolicy(manifest.policy.settings);
    // Failures are reported and tried again by the features themselves.
    uiCache
      .apply(manifest.ui)
      .catch((error: unknown) => log.warn('the UI stays as it is', { error }));
    images
      .apply(manifest.images)
      .catch((error: unknown) => log.error('the images could not be taken over', { error }));
    installs.apply(manifest);
    pagesScreen.apply(manifest.pages);
    saver.look();
    view.touch();
  };
  campus.on('manifest', accept);
  campus.on('link', ({ state }) => {
    uiCache.setOnline(state === 'online');
    if (state === 'online') {
      saver.look();
      homes.sync();
      pagesScreen.retry();
      people
        .confirmOnline()
        .catch((error: unknown) => log.warn('a person could not be confirmed', { error }));
    }
    view.touch();
  });
  campus.on('catalogue', view.touch);
  campus.on('outbox', view.touch);
  uiCache.on('status', view.touch);
  images.on('changed', view.touch);
  settings.on('changed', view.touch);
  sessions.onChanged(tellSessions);
  jobs.on('changed', (list) => {
    if (people.current) emit('jobs.changed', list);
  });
  homes.on('changed', view.touch);
  homes.on(
    'changed',
    homeNotices((notice) => emit('notice', notice)),
  );
  people.on('preferences', view.touch);
  people.on('changed', (person) => {
    view.touch();
    if (person === null) screen.firstState.keep(view.state());
    else screen.firstState.forget();
  });
  const visits = followVisits({
    people,
    sessions,
    homes,
    campus,
    pagesScreen,
    runtimeFolder,
    reload: () => {
      if (!screen.shell) return;
      pageWatch.loading();
      screen.shell
        .reload()
        .catch((error: unknown) => log.error('the page could not be loaded', { error }));
    },
    tellSessions,
    log: log.scope('people'),
  });
  uiCache.on('reload', ({ reason }) => {
    log.info('there is another version of the UI to show', { reason });
    visits.wantReload();
  });

  screen.connect({
    onCall,
    fetchFile: lane.fetchFile,
    onUiReport: (event) => report(uiReport(event)),
    onCrash: (reason) => report({ kind: 'ui.crashed', level: 'error', body: { reason } }),
  });
  log.info('the features are there');
  await screen.opened;
  screen.shell?.on('returnChord', () => {
    const inSession = !pagesScreen.front && sessions.list().some(({ shown }) => shown);
    if (inSession || !pagesScreen.toggle()) sessions.hide();
  });
  if (campus.manifest) accept(campus.manifest);
  await visits.resume();
  if (people.current === null) screen.firstState.keep(view.state());
  // The page may have been told what the last start knew.
  view.touch();
  // What nobody waits for leaves the processor to the first picture.
  await Promise.race([
    screen.painted,
    sleep(FIRST_PAINT_MS, undefined, { signal: closing.signal }),
  ]);
  campus.start();
  jobs.start();
  startPowerSide({
    launcher,
    settings,
    occupied: () =>
      people.current !== null ||
      sessions.active > 0 ||
      jobs.list().some(({ state }) => state === 'running'),
    signal: closing.signal,
    log: log.scope('power'),
  });
  // Only a page that painted says that this system is good; a screen that stays dark does not.
  void screen.painted.then(() => installs.install.reachedScreen());
  void readWarnings({
    scratchFolder: dataFolder,
    memoryReserveMiB: settings.get('sessions.memoryReserveMiB'),
    virtualization: engines.virtualization,
  }).then((found) => {
    warnings = found;
    view.touch();
  });

  let closed: Promise<void> | undefined;
  const close = async (endSessions: boolean): Promise<void> => {
    closing.abort(new KioskError('CANCELLED', 'The kiosk is closing.'));
    absence.close();
    pageWatch.close();
    if (endSessions) await sessions.stopAll();
    if (endSessions) await homes.close();
    sessions.close();
    await spice.end();
    await pagesScreen.close();
    await screen.shell?.close();
    await jobs.close();
    await kioskImages.close();
    await saver.close();
    await Promise.all([uiCache.close(), pages.close(), lane.close()]);
    people.close();
    await engines.close();
    await campus.close();
    await launcher.stopAll();
    log.close();
  };
  return {
    over: screen.over,
    painted: screen.painted,
    close(endSessions) {
      closed ??= close(endSessions);
      return closed;
    },
  };
}
