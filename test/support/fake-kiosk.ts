/**
 * A kiosk inside the page, for tests of the built-in UI alone: the whole `KioskApi`, typed against
 * it so that drift does not compile. Used by tests only.
 *
 * `installFakeKiosk` is sent to the page as source text, so it refers to nothing outside itself.
 */
import type {
  CallName,
  EventName,
  EventPayload,
  KioskApi,
} from '../../preload/contract/contract.ts';
import type { WireError } from '../../preload/contract/errors.ts';
import type {
  InstalledSystem,
  InstallOverview,
  InstallPlan,
} from '../../preload/contract/install.ts';
import type {
  CatalogueEntry,
  DeviceFacts,
  ImageVersion,
  Job,
  KeptCertificate,
  KioskState,
  LogLine,
  NetworkCheck,
  Person,
  Session,
  StorageUse,
  Versions,
} from '../../preload/contract/model.ts';

export interface FakeScenario {
  readonly state: KioskState;
  readonly catalogue: CatalogueEntry[];
  readonly sessions: Session[];
  readonly jobs: Job[];
  /** Calls that reject, until the test takes them out with `fakeKiosk.fail(name, null)`. */
  readonly failures: { [N in CallName]?: WireError };
  /** Calls that never answer. */
  readonly silent: CallName[];
  /** Of every display. */
  readonly frameUrl: string;
  readonly facts: DeviceFacts;
  readonly network: NetworkCheck;
  readonly storage: StorageUse;
  readonly versions: Versions;
  readonly images: ImageVersion[];
  readonly certificates: KeptCertificate[];
  readonly install: {
    readonly overview: InstallOverview;
    readonly plan: InstallPlan | null;
    readonly system: InstalledSystem | null;
  };
  readonly logs: LogLine[];
  readonly settings: { key: string; value: string | number | boolean | null; source: string }[];
}

/** What a test finds as `fakeKiosk` in the page. */
export interface FakeKioskControl {
  readonly calls: { readonly name: CallName; readonly params: unknown }[];
  emit<N extends EventName>(event: N, payload: EventPayload<N>): void;
  setState(change: Partial<KioskState>): void;
  setCatalogue(catalogue: CatalogueEntry[]): void;
  setJobs(jobs: Job[]): void;
  addSession(session: Session): void;
  changeSession(id: string, change: Partial<Session>): void;
  fail(name: CallName, error: WireError | null): void;
}

/** Puts `kiosk` and `fakeKiosk` on the page's global object. */
export function installFakeKiosk(scenario: FakeScenario): void {
  let { state, catalogue, sessions, jobs, certificates } = scenario;
  const failures = new Map(Object.entries(scenario.failures));
  const silent = new Set<string>(scenario.silent);
  const calls: { name: CallName; params: unknown }[] = [];
  const listeners = new Map<string, Set<(payload: never) => void>>();
  let made = 0;

  function emit<N extends EventName>(event: N, payload: EventPayload<N>): void {
    // What crosses the bridge is a copy, as JSON.
    const copy = JSON.parse(JSON.stringify(payload));
    for (const listener of listeners.get(event) ?? []) listener(copy as never);
  }
  function answer<T>(name: CallName, params: unknown, act: () => T): Promise<T> {
    calls.push({ name, params });
    if (silent.has(name)) return new Promise(() => undefined);
    const failure = failures.get(name);
    if (failure) return Promise.reject(Object.assign(new Error(failure.message), failure));
    return Promise.resolve().then(() => JSON.parse(JSON.stringify(act() ?? null)));
  }
  function setState(change: Partial<KioskState>): void {
    state = { ...state, ...change };
    emit('state.changed', state);
  }
  function setSessions(next: Session[]): void {
    sessions = next;
    emit('sessions.changed', sessions);
  }
  const changeSession = (id: string, change: Partial<Session>) =>
    setSessions(sessions.map((one) => (one.id === id ? { ...one, ...change } : one)));
  function show(id: string | null): null {
    setSessions(sessions.map((one) => ({ ...one, shown: one.id === id })));
    return null;
  }
  function setJob(id: string, change: Partial<Job>): null {
    jobs = jobs.map((job) => (job.id === id ? { ...job, ...change } : job));
    emit('jobs.changed', jobs);
    return null;
  }
  function installPlan(): InstallPlan {
    if (!scenario.install.plan) throw Object.assign(new Error('none'), { code: 'DISK_UNKNOWN' });
    return scenario.install.plan;
  }
  function installedSystem(): InstalledSystem {
    const { system } = scenario.install;
    if (!system) throw Object.assign(new Error('none'), { code: 'SYSTEM_NOT_INSTALLED' });
    return system;
  }
  function installJob(kind: string): Job {
    const job: Job = {
      id: `job-${++made}`,
      kind,
      title: kind,
      state: 'running',
      progress: 0,
      step: null,
      secondsLeft: null,
      createdAt: Date.now(),
      finishedAt: null,
      error: null,
    };
    jobs = [job, ...jobs];
    emit('jobs.changed', jobs);
    return job;
  }
  function enter(person: Person | null): Person | null {
    setState({ person });
    return person;
  }

  function start(entryId: string): Session[] {
    const entry = catalogue.find(({ id }) => id === entryId);
    if (!entry) throw Object.assign(new Error('unknown'), { code: 'ENTRY_UNKNOWN' });
    const group = `g${++made}`;
    const surfaces = { vm: 'frame', spice: 'frame', rdp: 'native', web: 'view' } as const;
    const started = Array.from(
      { length: entry.machines },
      (_, index): Session => ({
        id: `s${made}-${index}`,
        entryId,
        groupId: group,
        kind: entry.kind,
        title: entry.title,
        machine: entry.machines > 1 ? `machine-${index + 1}` : null,
        state: 'preparing',
        startedAt: Date.now(),
        surface: surfaces[entry.kind],
        shown: index === 0,
        progress: null,
        notices: [],
        question: null,
        error: null,
      }),
    );
    setSessions([...sessions.map((one) => ({ ...one, shown: false })), ...started]);
    return started;
  }

  const kiosk: KioskApi = {
    version: 1,
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set);
      set.add(listener);
      return () => {
        set.delete(listener);
      };
    },
    ui: {
      rendered: (params) => answer('ui.rendered', params, () => null),
      heartbeat: (params) => answer('ui.heartbeat', params, () => null),
      report: (params) => answer('ui.report', params, () => null),
      sessionBar: (params) => answer('ui.sessionBar', params, () => null),
    },
    state: { get: (params) => answer('state.get', params, () => state) },
    preferences: {
      set: (params) =>
        answer('preferences.set', params, () => {
          setState({
            preferences: { ...state.preferences, ...JSON.parse(JSON.stringify(params)) },
          });
          return state.preferences;
        }),
    },
    people: {
      signIn: (params) =>
        answer('people.signIn', params, () => {
          if (params.secret !== 'correct') {
            throw Object.assign(new Error('wrong'), { code: 'SIGN_IN_WRONG' });
          }
          const person: Person = {
            id: params.name,
            name: params.name === 'admin' ? 'Alex Roy' : 'Lina Haddad',
            kind: params.name === 'admin' ? 'admin' : 'member',
            groups: [],
            offline: state.campus.link !== 'online',
          };
          setState({ person });
          return person;
        }),
      continueAsGuest: (params) =>
        answer('people.continueAsGuest', params, () => {
          const person: Person = {
            id: 'guest',
            name: 'Guest',
            kind: 'guest',
            groups: [],
            offline: false,
          };
          setState({ person });
          return person;
        }),
      signOut: (params) =>
        answer('people.signOut', params, () => {
          setSessions([]);
          enter(null);
          return null;
        }),
    },
    catalogue: { list: (params) => answer('catalogue.list', params, () => catalogue) },
    sessions: {
      start: (params) => answer('sessions.start', params, () => start(params.entryId)),
      list: (params) => answer('sessions.list', params, () => sessions),
      stop: (params) =>
        answer('sessions.stop', params, () => {
          const session = sessions.find(({ id }) => id === params.id);
          // Like main: what is still starting ends at once, what runs takes its time.
          const quick = params.now === true || session?.state !== 'running';
          changeSession(
            params.id,
            quick ? { state: 'stopped', shown: false } : { state: 'stopping' },
          );
          return null;
        }),
      show: (params) => answer('sessions.show', params, () => show(params.id)),
      hide: (params) => answer('sessions.hide', params, () => show(null)),
      display: (params) =>
        answer('sessions.display', params, () => ({
          sessionId: params.id,
          protocol: 'spice',
          frameUrl: scenario.frameUrl,
        })),
      answer: (params) =>
        answer('sessions.answer', params, () => {
          changeSession(params.id, { question: null });
          return null;
        }),
      dismiss: (params) =>
        answer('sessions.dismiss', params, () => {
          setSessions(sessions.filter(({ id }) => id !== params.id));
          return null;
        }),
    },
    jobs: {
      list: (params) => answer('jobs.list', params, () => jobs),
      pause: (params) => answer('jobs.pause', params, () => setJob(params.id, { state: 'paused' })),
      resume: (params) =>
        answer('jobs.resume', params, () => setJob(params.id, { state: 'running' })),
      cancel: (params) =>
        answer('jobs.cancel', params, () => setJob(params.id, { state: 'cancelled' })),
    },
    power: { act: (params) => answer('power.act', params, () => null) },
    device: {
      facts: (params) => answer('device.facts', params, () => scenario.facts),
      networkCheck: (params) => answer('device.networkCheck', params, () => scenario.network),
      storage: (params) => answer('device.storage', params, () => scenario.storage),
      versions: (params) => answer('device.versions', params, () => scenario.versions),
    },
    logs: {
      read: (params) =>
        answer('logs.read', params, () => {
          const order = ['debug', 'info', 'warn', 'error'];
          return scenario.logs.filter(
            (line) =>
              order.indexOf(line.level) >= order.indexOf(params?.level ?? 'debug') &&
              line.message.includes(params?.contains ?? ''),
          );
        }),
    },
    install: {
      overview: (params) => answer('install.overview', params, () => scenario.install.overview),
      plan: (params) => answer('install.plan', params, installPlan),
      start: (params) => answer('install.start', params, () => installJob('install')),
      system: (params) => answer('install.system', params, () => scenario.install.system),
      rollback: (params) => answer('install.rollback', params, installedSystem),
      verify: (params) => answer('install.verify', params, () => installJob('install-verify')),
      repairBoot: (params) =>
        answer('install.repairBoot', params, () => installJob('install-repair')),
      remove: (params) => answer('install.remove', params, () => installJob('install-remove')),
    },
    settings: { read: (params) => answer('settings.read', params, () => scenario.settings) },
    campus: { refresh: (params) => answer('campus.refresh', params, () => null) },
    certificates: {
      list: (params) => answer('certificates.list', params, () => certificates),
      forget: (params) =>
        answer('certificates.forget', params, () => {
          certificates = certificates.filter(({ host }) => host !== params.host);
          return null;
        }),
    },
    images: {
      list: (params) => answer('images.list', params, () => scenario.images),
      verify: (params) =>
        answer('images.verify', params, () => {
          const job: Job = {
            id: `j${++made}`,
            kind: 'image.verify',
            title: `Check ${params.image}`,
            state: 'running',
            progress: 0,
            step: 'verifying',
            secondsLeft: null,
            createdAt: Date.now(),
            finishedAt: null,
            error: null,
          };
          jobs = [...jobs, job];
          emit('jobs.changed', jobs);
          return job;
        }),
      rollback: (params) => answer('images.rollback', params, () => null),
    },
  };
  const fakeKiosk: FakeKioskControl = {
    calls,
    emit,
    setState,
    changeSession,
    setCatalogue(next) {
      catalogue = next;
      emit('catalogue.changed', catalogue);
    },
    setJobs(next) {
      jobs = next;
      emit('jobs.changed', jobs);
    },
    addSession: (session) => setSessions([...sessions, session]),
    fail(name, error) {
      if (error === null) failures.delete(name);
      else failures.set(name, error);
    },
  };
  Object.assign(globalThis, { kiosk, fakeKiosk });
}
