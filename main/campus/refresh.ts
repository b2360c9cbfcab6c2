/**
 * One look at the campus: is the manifest in use still the current one, or is there a newer one
 * to believe? Each server is asked and judged on its own, so that a mirror that lags or lies
 * does not hide the others.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { AcceptedManifest, TrustedKey } from './api.ts';
import type { CampusClient } from './client.ts';
import { statusOf } from './faults.ts';
import type { CampusResponse } from './http.ts';
import { tryToKeep } from './keep.ts';
import { MAX_SIGNATURE_BYTES } from './keys.ts';
import type { CampusStore } from './store.ts';
import {
  type Accepted,
  checkFreshness,
  isExpired,
  MAX_MANIFEST_BYTES,
  tooLarge,
  type VerifiedManifest,
  verifyManifest,
} from './verify.ts';

export interface RefresherOptions {
  readonly client: CampusClient;
  readonly store: CampusStore;
  readonly trustedKeys: readonly TrustedKey[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a server said of the manifest that is in use, to ask it only for changes. */
interface Validators {
  readonly sha256: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A publication replaces two files; who looks in between finds them unequal, once. */
const PUBLICATION_PAUSE_MS = 500;

export class Refresher {
  readonly #options: RefresherOptions;
  readonly #validators = new Map<string, Validators>();
  #current: (VerifiedManifest & { dataAsOf: number }) | null = null;
  #server: string | null = null;

  constructor(options: RefresherOptions) {
    this.#options = options;
  }

  /** What was accepted before this start. @returns why the stored manifest was refused, or null */
  load(): KioskError | null {
    const { loaded, refused } = this.#options.store.load(this.#options.trustedKeys);
    this.#current = loaded;
    return refused;
  }

  get current(): AcceptedManifest | null {
    if (this.#current === null) return null;
    const { manifest, sha256, dataAsOf } = this.#current;
    return {
      manifest,
      sha256,
      dataAsOf,
      expired: isExpired(manifest, this.#options.clock.now()),
    };
  }

  /** Base URL of the server that answered last. */
  get server(): string | null {
    return this.#server;
  }

  /**
   * @returns true when another manifest is in use now
   * @throws KioskError `CAMPUS_*` or `MANIFEST_*`; the manifest in use stays
   */
  look(signal: AbortSignal): Promise<boolean> {
    const { client } = this.#options;
    return client.retrying(signal, () =>
      client.acrossServers('manifest.json', signal, async (url, server) => {
        const changed = await this.#lookAt(url, signal).catch(async (error: unknown) => {
          if (!(error instanceof KioskError) || error.code !== 'MANIFEST_SIGNATURE_WRONG')
            throw error;
          await pause(PUBLICATION_PAUSE_MS, undefined, { signal });
          return this.#lookAt(url, signal);
        });
        this.#server = server?.base.href ?? null;
        return changed;
      }),
    );
  }

  async #lookAt(url: URL, signal: AbortSignal): Promise<boolean> {
    const { client, clock, store } = this.#options;
    const current = this.#current;
    const validators = this.#validators.get(url.href);
    const response = await client
      .exchange(
        {
          method: 'GET',
          url,
          signal,
          headers:
            current !== null && validators?.sha256 === current.sha256 ? validators.headers : {},
        },
        { maxBytes: MAX_MANIFEST_BYTES, accept: [200, 304] },
      )
      .catch((error: unknown) => {
        if (error instanceof KioskError && error.code === 'CAMPUS_RESPONSE_TOO_LARGE')
          throw tooLarge(error);
        throw error;
      });
    const campusTime = dateOf(response);
    if (response.status === 304) {
      if (current === null) {
        throw new KioskError('CAMPUS_BAD_RESPONSE', `${url.origin} answered 304 to a plain GET.`);
      }
      this.#judge(current, campusTime);
      this.#confirm(current);
      return false;
    }
    const sha256 = createHash('sha256').update(response.body).digest('hex');
    if (sha256 === current?.sha256) {
      // The same bytes, whose signature was verified when they were accepted or loaded.
      this.#judge(current, campusTime);
      this.#validators.set(url.href, { sha256, headers: conditions(response) });
      this.#confirm(current);
      return false;
    }
    const signature = await this.#signatureOf(url, signal);
    const verified = verifyManifest({ bytes: response.body, signature }, this.#options.trustedKeys);
    this.#judge(verified, campusTime);
    this.#validators.set(url.href, { sha256, headers: conditions(response) });
    const dataAsOf = clock.now();
    tryToKeep(this.#options.log, 'the manifest', () =>
      store.accept({ bytes: response.body, signature }, verified, dataAsOf),
    );
    this.#current = { ...verified, dataAsOf };
    this.#options.log.info('a new manifest was accepted', {
      version: verified.manifest.version,
      key: verified.keyId,
    });
    return true;
  }

  async #signatureOf(manifest: URL, signal: AbortSignal): Promise<Uint8Array> {
    const url = new URL(manifest);
    url.pathname += '.sig';
    try {
      const { body } = await this.#options.client.exchange(
        { method: 'GET', url, signal },
        { maxBytes: MAX_SIGNATURE_BYTES },
      );
      return body;
    } catch (error) {
      const status = statusOf(error);
      if (status !== 404 && status !== 410) throw error;
      throw new KioskError(
        'MANIFEST_SIGNATURE_MISSING',
        `${url.href} does not exist: the manifest is not signed.`,
        { cause: error },
      );
    }
  }

  #judge(verified: VerifiedManifest, campusTime: number | null): void {
    const { clock, log, store } = this.#options;
    const campusId = verified.manifest.campus.id;
    const current = this.#current === null ? null : acceptedOf(this.#current);
    const stored = store.highest(campusId);
    const { clockWrong } = checkFreshness(verified, {
      current,
      // The one in use is newer than the stored one where the disk could not be written.
      highest: (current?.version ?? 0) > (stored?.version ?? 0) ? current : stored,
      now: clock.now(),
      campusTime,
    });
    if (clockWrong) {
      log.warn('the clock of this computer seems wrong; the manifest was judged by the campus’s', {
        here: clock.now(),
        campus: campusTime,
      });
    }
  }

  #confirm(current: VerifiedManifest): void {
    const dataAsOf = this.#options.clock.now();
    tryToKeep(this.#options.log, 'the time of the data', () =>
      this.#options.store.confirm(dataAsOf),
    );
    this.#current = { ...current, dataAsOf };
  }
}

function acceptedOf({ manifest, sha256 }: VerifiedManifest): Accepted {
  return { campusId: manifest.campus.id, version: manifest.version, sha256 };
}

function dateOf({ headers }: CampusResponse): number | null {
  const time = Date.parse(headers.date ?? '');
  return Number.isNaN(time) ? null : time;
}

function conditions({ headers }: CampusResponse): Record<string, string> {
  return {
    ...(headers.etag === undefined ? {} : { 'if-none-match': headers.etag }),
    ...(headers['last-modified'] === undefined
      ? {}
      : { 'if-modified-since': headers['last-modified'] }),
  };
}
