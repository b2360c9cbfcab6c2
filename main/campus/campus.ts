/** Wires the parts of the campus client into the one object that the kiosk uses. */
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { systemClock } from '../base/clock.ts';
import { isAbort, KioskError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import type { Manifest, ManifestEntry } from '../base/manifest.ts';
import type {
  AcceptedManifest,
  Campus,
  CampusEvents,
  CampusOptions,
  LinkStatus,
  Place,
  Report,
  SignedIn,
} from './api.ts';
import { entriesFor, PersonalCatalogue, type Viewer } from './catalogue.ts';
import { CampusClient } from './client.ts';
import { EventListener, type ServerEvent } from './events.ts';
import { Exchanger } from './exchange.ts';
import { endpointAbsent, saysAbsent } from './faults.ts';
import type { CampusHttp } from './http.ts';
import { parseJson } from './json.ts';
import { publicKeyOf } from './keys.ts';
import { Link } from './link.ts';
import { login } from './login.ts';
import { Orders } from './orders.ts';
import { Outbox, rebuiltReport } from './outbox.ts';
import { placeOf } from './place.ts';
import { Refresher } from './refresh.ts';
import { ReportSender } from './sender.ts';
import { ServerList } from './servers.ts';
import { CampusStore } from './store.ts';

/** The campus sends a comment at least every 15 s (docs/campus-protocol.md); three may get lost. */
const EVENTS_IDLE_MS = 45_000;
/** Reports that come together go together. */
const REPORT_DELAY_MS = 250;
const MAX_CATALOGUE_BYTES = 1024 * 1024;

/**
 * Opens what is kept of the campus and reads the stored manifest; asks nobody before `start()`.
 * @throws KioskError `SETTINGS_INVALID` (a trusted key or a server's URL); `DATABASE_CORRUPT`
 * where a newer Vestibule wrote what is kept
 */
export function createCampus(options: CampusOptions): Campus {
  for (const key of options.trustedKeys) publicKeyOf(key);
  for (const { url } of options.servers) {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url))
      throw new KioskError('SETTINGS_INVALID', `"${url}" is not the http(s) URL of a campus.`);
  }
  return new CampusService(options);
}

class CampusService implements Campus {
  readonly http: CampusHttp;
  readonly #options: CampusOptions;
  readonly #client: CampusClient;
  readonly #exchangers: { readonly campus: Exchanger; readonly pages: Exchanger };
  readonly #servers: ServerList;
  readonly #store: CampusStore;
  readonly #outbox: Outbox;
  readonly #refresher: Refresher;
  readonly #link: Link;
  readonly #listener: EventListener;
  readonly #sender: ReportSender;
  readonly #orders: Orders | null;
  readonly #emitter: Emitter<CampusEvents>;
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<void>>();
  /** Bearer tokens of the people who are signed in now, by person id; in memory only. */
  readonly #tokens = new Map<string, string | undefined>();
  #reportTimer: NodeJS.Timeout | undefined;
  #refusedReported: string | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: CampusOptions) {
    const { log, kioskId, timings = {}, clock = systemClock, random = Math.random } = options;
    this.#options = options;
    this.#emitter = new Emitter((error) => log.error('a listener of the campus failed', { error }));
    this.#servers = new ServerList({ configured: options.servers, clock, random });
    const exchange = {
      limits: {
        connectMs: timings.connectMs ?? 5_000,
        responseMs: timings.responseMs ?? 10_000,
        minBytesPerSecond: timings.minBytesPerSecond ?? 1024,
        rateWindowMs: timings.rateWindowMs ?? 20_000,
      },
      userAgent: `Vestibule/${options.version}`,
      allowPlainServices: options.allowPlainServices ?? false,
      mayRedirectTo: (origin: string) => this.#servers.includesOrigin(origin),
    };
    this.#exchangers = {
      campus: new Exchanger({ ...exchange, ca: options.ca }),
      pages: new Exchanger({
        ...exchange,
        ca: options.ca === undefined ? undefined : [...rootCertificates, options.ca],
      }),
    };
    this.#client = new CampusClient({
      exchanger: this.#exchangers.campus,
      pageExchanger: this.#exchangers.pages,
      servers: this.#servers,
      attempts: timings.attempts ?? 2,
      random,
      onTrouble: () => {
        if (this.#link.state === 'online') this.#link.hint();
      },
    });
    this.http = this.#client;
    this.#outbox = new Outbox({
      path: join(options.dataFolder, 'outbox.db'),
      limit: options.outboxLimit ?? 5_000,
      days: options.outboxDays ?? 30,
      clock,
      log,
      onCount: (count) => this.#emitter.emit('outbox', { count }),
    });
    this.#store = new CampusStore({
      path: join(options.dataFolder, 'campus.db'),
      log,
      onRebuilt: (error) => this.#outbox.add(rebuiltReport('campus.db', error)),
    });
    this.#refresher = new Refresher({
      client: this.#client,
      store: this.#store,
      trustedKeys: options.trustedKeys,
      clock,
      log,
    });
    this.#link = new Link({
      look: (signal) => this.#look(signal),
      pollMs: timings.pollMs ?? 60_000,
      backoffBaseMs: timings.backoffBaseMs ?? 500,
      backoffCapMs: timings.backoffCapMs ?? 10_000,
      clock,
      random,
      log,
      onChange: () => this.#linkChanged(),
    });
    this.#listener = new EventListener({
      open: (url, lastEventId, signal) =>
        this.#client.acrossServers(url, signal, (absolute) =>
          this.#client.open({
            method: 'GET',
            url: absolute,
            idleMs: EVENTS_IDLE_MS,
            signal,
            headers: {
              accept: 'text/event-stream',
              'cache-control': 'no-cache',
              ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
            },
          }),
        ),
      onEvent: (event) => this.#onEvent(event),
      onBroken: () => {
        if (this.#link.state === 'online') this.#link.hint();
      },
      random,
      log,
      backoffCapMs: timings.backoffCapMs ?? 10_000,
    });
    const endpoint = (name: keyof Manifest['endpoints']) => () =>
      this.#refresher.current?.manifest.endpoints[name];
    this.#sender = new ReportSender({
      http: this.#client,
      outbox: this.#outbox,
      kioskId,
      endpoint: endpoint('reports'),
      log,
    });
    this.#orders = options.orders
      ? new Orders({
          http: this.#client,
          store: this.#store,
          port: options.orders,
          kioskId,
          endpoint: endpoint('jobs'),
          clock,
          log,
        })
      : null;
    const refused = this.#refresher.load();
    if (refused !== null) this.#reportRefusal(refused);
    this.#announce();
  }

  get manifest(): AcceptedManifest | null {
    return this.#refresher.current;
  }

  get link(): LinkStatus {
    const { state, since, error } = this.#link;
    const { server, current } = this.#refresher;
    return { state, since, error, server, dataAsOf: current?.dataAsOf ?? null };
  }

  get outboxCount(): number {
    return this.#outbox.count;
  }

  start(): void {
    this.#link.start();
    this.#listen();
  }

  async refresh(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await (signal === undefined ? this.#link.look() : abortable(this.#link.look(), signal));
  }

  networkChanged(hint: { readonly online: boolean } = { online: true }): void {
    if (hint.online) this.#link.hint();
    else this.#link.noNetwork();
  }

  async login(name: string, secret: string, signal?: AbortSignal): Promise<SignedIn> {
    const manifest = this.manifest?.manifest;
    if (manifest === undefined) {
      throw new KioskError('CAMPUS_UNREACHABLE', 'This kiosk has never reached its campus.');
    }
    const url = manifest.endpoints.login;
    if (url === undefined) throw endpointAbsent('login');
    const { kioskId } = this.#options;
    const room = this.place().room?.id ?? null;
    const { person, token } = await login(
      this.#client,
      url,
      { name, secret, kioskId, room },
      { manifest, signal },
    );
    this.#tokens.set(person.id, token);
    this.#run(this.#fetchPersonal(person.id));
    return person;
  }

  signedOut(personId: string): void {
    this.#tokens.delete(personId);
  }

  place(): Place {
    return placeOf(this.manifest?.manifest.rooms ?? [], this.#options.facts());
  }

  catalogueFor(person: Viewer & { readonly id: string }): ManifestEntry[] {
    const manifest = this.manifest?.manifest;
    if (manifest === undefined) return [];
    const asks = person.kind !== 'guest' && manifest.endpoints.catalogue !== undefined;
    const personal = asks ? this.#store.personal(person.id) : null;
    return entriesFor(manifest, person, this.place().room?.id ?? null, personal);
  }

  report(report: Report): void {
    this.#outbox.add(report);
    if (this.#link.state !== 'online' || this.#reportTimer !== undefined) return;
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = undefined;
      this.#run(this.#sender.send(this.#closing.signal));
    }, REPORT_DELAY_MS);
  }

  on<N extends keyof CampusEvents>(
    event: N,
    listener: (payload: CampusEvents[N]) => void,
  ): () => void {
    return this.#emitter.on(event, listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#reportTimer);
    await Promise.all([this.#link.stop(), this.#listener.stop()]);
    await Promise.all(this.#background);
    this.#tokens.clear();
    this.#exchangers.campus.close();
    this.#exchangers.pages.close();
    this.#outbox.close();
    this.#store.close();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const changed = await this.#refresher.look(signal).catch((error: unknown) => {
      if (error instanceof KioskError && error.code.startsWith('MANIFEST_')) {
        this.#reportRefusal(error);
        // The campus is there, only its manifest is not believed: it had better hear of it.
        this.#run(this.#sender.send(this.#closing.signal));
      }
      throw error;
    });
    this.#refusedReported = null;
    if (changed) {
      this.#announce();
      this.#listen();
      if (this.manifest !== null) this.#emitter.emit('manifest', this.manifest);
      for (const personId of this.#tokens.keys()) this.#run(this.#fetchPersonal(personId));
    }
    this.#run(this.#sender.send(this.#closing.signal));
    if (this.#orders !== null) this.#run(this.#orders.run(this.#closing.signal));
    // The time of the data is news even where the state is not.
    if (this.#link.state === 'online') this.#linkChanged();
  }

  /** Servers that the signed manifest names may be asked and redirected to. */
  #announce(): void {
    this.#servers.setAnnounced(this.manifest?.manifest.servers ?? []);
  }

  #listen(): void {
    if (!this.#closing.signal.aborted)
      this.#listener.listen(this.manifest?.manifest.endpoints.events);
  }

  #onEvent({ event, data }: ServerEvent): void {
    switch (event) {
      case 'manifest':
        this.#link.hint();
        return;
      case 'jobs':
        if (this.#orders !== null) this.#run(this.#orders.run(this.#closing.signal));
        return;
      case 'catalogue':
        for (const personId of this.#tokens.keys()) {
          if (data === '' || data === personId) this.#run(this.#fetchPersonal(personId));
        }
        return;
      default:
        this.#options.log.debug('unknown event of the campus', { event });
    }
  }

  async #fetchPersonal(personId: string): Promise<void> {
    const url = this.manifest?.manifest.endpoints.catalogue;
    if (url === undefined) return;
    const token = this.#tokens.get(personId);
    const query = new URLSearchParams({ kiosk: this.#options.kioskId, person: personId });
    const room = this.place().room?.id;
    if (room !== undefined) query.set('room', room);
    try {
      const answer = await this.#client.get(`${url}${url.includes('?') ? '&' : '?'}${query}`, {
        maxBytes: MAX_CATALOGUE_BYTES,
        confidential: true,
        signal: this.#closing.signal,
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      });
      const { entries } = parseJson(PersonalCatalogue, answer);
      const { clock = systemClock } = this.#options;
      this.#store.setPersonal(personId, entries, clock.now());
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      if (!saysAbsent(error)) throw error;
      this.#store.removePersonal(personId);
    }
    this.#emitter.emit('catalogue', { personId });
  }

  /** Says it once, however often the same manifest is refused again. */
  #reportRefusal({ code, message }: KioskError): void {
    if (this.#refusedReported === code) return;
    this.#refusedReported = code;
    this.report({ kind: 'manifest.refused', level: 'error', body: { code, reason: message } });
  }

  #linkChanged(): void {
    this.#emitter.emit('link', this.link);
  }

  #run(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        if (isAbort(error)) return;
        const code = error instanceof KioskError ? error.code : 'INTERNAL';
        this.#options.log.warn('the campus could not be asked', { code, error });
      })
      .finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }
}

/** The caller stops waiting; the work goes on for the others who wait for it. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
