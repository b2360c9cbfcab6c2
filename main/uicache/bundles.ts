/**
 * Which version of the UI is shown. A version is fetched beside the one in use, staged whole,
 * tried at the next load of the page, and becomes the good one when that page says it has painted;
 * else it is refused and the good one is back.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Clock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';
import type { Emitter } from '../base/events.ts';
import type { BundleFile, UiBundle } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { FetchFile, UiCacheEvents, UiCacheReport, UiCacheStatus } from './api.ts';
import type { BlobStore } from './blobs.ts';
import { type BundleIndex, describe, type LoadedBundle, loadBundle } from './bundle-index.ts';
import { Condition } from './condition.ts';
import { download, missingFiles } from './download.ts';
import { Repairer, rebuildIndex } from './repair.ts';
import { Retry } from './retry.ts';

/** Runs of the kiosk in which a version may be tried without ever painting: it may end main too. */
const MAX_TRIALS = 3;

export interface BundlesOptions {
  readonly folder: string;
  readonly blobs: BlobStore;
  readonly index: BundleIndex;
  readonly fetchFile: FetchFile;
  /** Why nothing can be kept in this run; undefined: it can. */
  readonly unwritable: KioskError | undefined;
  readonly concurrency: number;
  readonly renderTimeoutMs: number;
  readonly retryBaseMs: number;
  readonly log: Logger;
  readonly clock: Clock;
  readonly report: (report: UiCacheReport) => void;
}

interface Run {
  readonly loaded: LoadedBundle;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export class Bundles {
  readonly #options: BundlesOptions;
  readonly #condition: Condition;
  #good: LoadedBundle | undefined;
  #staged: LoadedBundle | undefined;
  /** What the page on the screen was loaded from; undefined: the built-in UI, or no page yet. */
  #serving: LoadedBundle | undefined;
  #trial: { readonly timer: NodeJS.Timeout; readonly over: PromiseWithResolvers<void> } | undefined;
  #wanted: LoadedBundle | undefined;
  #run: Run | undefined;
  #online = false;
  #closed = false;
  #loads = 0;
  readonly #thisRun = randomUUID();
  readonly #repairer: Repairer;
  readonly #retry: Retry;

  constructor(options: BundlesOptions) {
    this.#options = options;
    this.#condition = new Condition({ ...options, shown: () => this.#shown() });
    const writable = options.unwritable === undefined;
    this.#repairer = new Repairer({ ...options, writable });
    this.#retry = new Retry(options.retryBaseMs, () => this.#again());
  }

  /**
   * Takes up where the last run ended.
   * @param indexLost what was active must be found in the blobs
   */
  async open(indexLost: boolean): Promise<void> {
    const { index } = this.#options;
    if (indexLost) await rebuildIndex(this.#options);
    this.#good = index.get('good');
    this.#staged = index.get('staged');
    if (this.#staged) this.#condition.resume('staged');
    else if (this.#good) this.#condition.resume('active');
  }

  get events(): Emitter<UiCacheEvents> {
    return this.#condition.events;
  }

  status(): UiCacheStatus {
    return this.#condition.status();
  }

  async apply(bundle: UiBundle | undefined): Promise<void> {
    if (bundle === undefined) return this.#withdraw();
    const loaded = loadBundle(bundle);
    this.#wanted = loaded;
    while (this.#run) {
      if (this.#run.loaded.digest === loaded.digest) return this.#run.done;
      await this.#stopRun();
      // Another call came while this one waited.
      if (this.#wanted !== loaded) throw cancelled();
    }
    this.#retry.reset();
    const { blobs, index } = this.#options;
    if (index.isRefused(loaded.digest)) {
      throw this.#condition.failed(
        new KioskError('UI_RENDER_FAILED', 'This version of the UI failed to render before.', {
          details: { version: bundle.version },
        }),
      );
    }
    if (this.#staged?.digest === loaded.digest) {
      this.#staged = this.#renamed(this.#staged, loaded);
      return;
    }
    if (this.#good?.digest === loaded.digest) {
      if (this.#staged) this.#dropStaged();
      this.#good = this.#renamed(this.#good, loaded);
      if (missingFiles(this.#good, blobs).length === 0) {
        this.#condition.succeeded();
        this.#tidy();
        return;
      }
    }
    return this.#start(loaded);
  }

  /**
   * The page is being loaded from its entry: decides what it is loaded from. A staged version is
   * tried. @returns undefined: the built-in UI
   */
  navigate(): LoadedBundle | undefined {
    this.#loads++;
    if (this.#staged && !this.#trial) this.#beginTrial(this.#staged);
    const before = this.#serving;
    this.#serving = this.#candidate();
    if (before !== this.#serving) this.#condition.changed();
    return this.#serving;
  }

  /** Names the load that began last; another one in each run and for each load. */
  get load(): string {
    return `${this.#thisRun}-${this.#loads}`;
  }

  /** What the page on the screen was loaded from. */
  get serving(): LoadedBundle | undefined {
    return this.#serving;
  }

  /** The entry cannot be had: the page is loaded from the built-in UI until it can. */
  abandon(loaded: LoadedBundle): void {
    if (this.#trial && loaded === this.#staged)
      this.#endTrial('its entry page is damaged and cannot be fetched');
    if (this.#serving === loaded) this.#serving = undefined;
    this.#condition.changed();
  }

  rendered(): void {
    const { index, clock, log } = this.#options;
    const tried = this.#staged;
    if (!this.#trial || !tried) return;
    clearTimeout(this.#trial.timer);
    try {
      index.commit();
    } catch (error) {
      // Served on; the next run tries it once more.
      log.error('the new UI could not be made the good one', { error });
    }
    this.#good = tried;
    this.#staged = undefined;
    this.#condition.succeeded();
    this.#condition.step('rendered');
    log.info('UI activated', { version: tried.bundle.version, at: clock.now() });
    this.#options.report({
      kind: 'ui.activated',
      level: 'info',
      version: tried.bundle.version,
    });
    this.#finishTrial();
  }

  renderFailed(reason: string): void {
    if (this.#trial && this.#staged) this.#endTrial(reason);
  }

  setOnline(online: boolean): void {
    if (this.#online === online) return;
    this.#online = online;
    if (online) this.#retry.hurry();
    this.#condition.changed();
  }

  /**
   * A file is damaged or gone: fetches it at once, since a page waits for it.
   * @returns undefined where it cannot be had now; the cache goes on trying
   */
  async repair(file: BundleFile, { bundle }: LoadedBundle): Promise<Uint8Array | undefined> {
    const { log, report } = this.#options;
    const { version } = bundle;
    log.error('a UI file is damaged', { path: file.path, version, code: 'UI_FILE_MISMATCH' });
    try {
      const content = await this.#repairer.repair(file, bundle);
      report({ kind: 'ui.repaired', level: 'warning', version });
      return content;
    } catch (cause) {
      this.#condition.failed(
        new KioskError('UI_NOT_CACHED', `The UI file "${file.path}" is damaged.`, {
          cause,
          details: { path: file.path, version },
        }),
      );
      this.#wanted ??= this.#good;
      this.#retry.later();
      return undefined;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry.clear();
    if (this.#trial) clearTimeout(this.#trial.timer);
    await this.#stopRun();
    await this.#repairer.idle();
  }

  #shown(): Pick<UiCacheStatus, 'source' | 'version'> {
    const shown = this.#serving ?? this.#candidate();
    if (shown === undefined) return { source: 'fallback', version: 'built-in' };
    const live = this.#online && shown.digest === this.#wanted?.digest;
    return { source: live ? 'live' : 'cached', version: shown.bundle.version };
  }

  #candidate(): LoadedBundle | undefined {
    const shown = this.#trial ? this.#staged : this.#good;
    if (shown === undefined) return undefined;
    // An entry that is known to be missing cannot be shown.
    const entry = shown.files.get(shown.bundle.entry);
    return entry && this.#options.blobs.has(entry.sha256) ? shown : undefined;
  }

  async #start(loaded: LoadedBundle): Promise<void> {
    this.#retry.clear();
    const abort = new AbortController();
    const done = this.#fetch(loaded, abort.signal);
    const run = { loaded, abort, done };
    this.#run = run;
    try {
      await done;
      this.#retry.reset();
      this.#condition.succeeded();
    } catch (error) {
      if (!abort.signal.aborted) this.#retry.later();
      throw this.#condition.failed(error);
    } finally {
      if (this.#run === run) this.#run = undefined;
      this.#condition.progress(null);
    }
  }

  async #fetch(loaded: LoadedBundle, signal: AbortSignal): Promise<void> {
    const { blobs, index, clock, unwritable, log } = this.#options;
    this.#condition.step(this.#good ? 'refresh' : 'fetch');
    try {
      if (unwritable) throw unwritable;
      const missing = missingFiles(loaded, blobs);
      await download({
        ...this.#options,
        bundle: loaded.bundle,
        files: missing,
        signal,
        onProgress: (fraction) => {
          this.#condition.progress(fraction);
        },
      });
      if (loaded.digest === this.#good?.digest) {
        await blobs.flush();
        this.#condition.step('completed');
        this.#completed(missing);
        return;
      }
      // A version on trial gets its verdict first.
      if (this.#trial && !signal.aborted)
        await Promise.race([this.#trial.over.promise, once(signal, 'abort')]);
      if (signal.aborted) throw cancelled();
      const description = describe(loaded);
      await blobs.put(description.sha256, Buffer.from(description.text), 'description');
      await blobs.flush(() => index.stage(loaded, clock.now()));
      this.#staged = loaded;
      this.#condition.step('fetched');
      log.info('UI staged', { version: loaded.bundle.version, fetched: missing.length });
      this.events.emit('reload', { reason: 'staged' });
    } catch (error) {
      await this.#keepWhatCame(error);
      this.#condition.step(this.#staged ? 'kept' : 'failed');
      throw error;
    }
  }

  /** What arrived counts at the next try, unless the disk is full: then the room is given back. */
  async #keepWhatCame(error: unknown): Promise<void> {
    const { blobs, log } = this.#options;
    try {
      if (error instanceof KioskError && error.code === 'DISK_FULL')
        await this.#sweep(() => undefined);
      else await blobs.flush();
    } catch (second) {
      log.warn('what came of the UI could not be kept', { error: second });
    }
  }

  #beginTrial(staged: LoadedBundle): void {
    const { index, renderTimeoutMs, log } = this.#options;
    let trials = 1;
    try {
      trials = index.countTrial();
    } catch (error) {
      log.warn('the trial of a UI version could not be noted', { error });
    }
    const timer = setTimeout(
      () => this.#endTrial(`it did not render within ${renderTimeoutMs / 1000} s`),
      renderTimeoutMs,
    );
    timer.unref();
    this.#trial = { timer, over: Promise.withResolvers<void>() };
    log.info('UI on trial', { version: staged.bundle.version, trials });
    if (trials > MAX_TRIALS) this.#endTrial(`it did not render in ${MAX_TRIALS} runs of the kiosk`);
  }

  #endTrial(reason: string): void {
    const { index, clock, log, report } = this.#options;
    const refused = this.#staged;
    if (!this.#trial || !refused) return;
    clearTimeout(this.#trial.timer);
    try {
      index.refuse(clock.now());
    } catch (error) {
      log.error('a refused UI version could not be noted', { error });
    }
    this.#staged = undefined;
    const { version } = refused.bundle;
    const error = new KioskError(
      'UI_RENDER_FAILED',
      `Version "${version}" of the UI was rolled back: ${reason}.`,
      { details: { version, reason } },
    );
    this.#condition.step(this.#good ? 'rolledBack' : 'rejected');
    report({ kind: 'ui.rolled-back', level: 'error', version, error });
    this.#condition.failed(error);
    this.#finishTrial();
    this.events.emit('reload', { reason: 'rolled-back' });
  }

  #finishTrial(): void {
    this.#trial?.over.resolve();
    this.#trial = undefined;
    this.#condition.changed();
    this.#tidy();
  }

  #dropStaged(): void {
    this.#options.index.unstage();
    if (this.#trial) clearTimeout(this.#trial.timer);
    this.#staged = undefined;
    this.#condition.step('rolledBack');
    this.#finishTrial();
    this.events.emit('reload', { reason: 'withdrawn' });
  }

  async #withdraw(): Promise<void> {
    this.#wanted = undefined;
    this.#retry.reset();
    await this.#stopRun();
    if (this.#wanted !== undefined) throw cancelled();
    this.#condition.succeeded();
    if (!this.#good && !this.#staged) return this.#tidy();
    this.#options.index.withdraw();
    if (this.#trial) clearTimeout(this.#trial.timer);
    this.#good = undefined;
    this.#staged = undefined;
    this.#condition.step('withdrawn');
    this.#finishTrial();
    this.events.emit('reload', { reason: 'withdrawn' });
  }

  async #stopRun(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    run.abort.abort();
    await run.done.catch(() => {});
  }

  /** Files of the good version were brought again: a page that lacked them should be loaded anew. */
  #completed(files: readonly BundleFile[]): void {
    if (files.length === 0) return;
    const { report } = this.#options;
    const version = this.#good?.bundle.version;
    report({
      kind: 'ui.repaired',
      level: 'warning',
      ...(version === undefined ? {} : { version }),
    });
    this.events.emit('reload', { reason: 'repaired' });
  }

  #renamed(kept: LoadedBundle, wanted: LoadedBundle): LoadedBundle {
    if (describe(kept).text === describe(wanted).text) return kept;
    const { index, log } = this.#options;
    try {
      index.rename(wanted);
    } catch (error) {
      log.warn('the new name of the UI version could not be kept', { error });
    }
    if (this.#serving === kept) this.#serving = wanted;
    return wanted;
  }

  #tidy(): void {
    if (this.#closed) return;
    this.#sweep(() => this.#run?.loaded).catch((error: unknown) => {
      this.#options.log.warn('old UI files could not be removed', { error });
    });
  }

  /** Gives back the space of all that is neither in use nor being fetched. */
  async #sweep(fetching: () => LoadedBundle | undefined): Promise<void> {
    const { blobs, unwritable } = this.#options;
    if (unwritable) return;
    await blobs.sweep(() => {
      const live = new Set<string>();
      for (const loaded of [this.#good, this.#staged, this.#serving, fetching()]) {
        if (!loaded) continue;
        live.add(describe(loaded).sha256);
        for (const file of loaded.files.values()) live.add(file.sha256);
      }
      return live;
    });
  }

  #again(): void {
    const wanted = this.#wanted;
    if (this.#closed || !wanted || this.#run) return;
    if (this.#options.index.isRefused(wanted.digest)) return;
    this.#start(wanted).catch((error: unknown) => {
      this.#options.log.warn('the UI could not be fetched', { error });
    });
  }
}

function cancelled(): KioskError {
  return new KioskError('CANCELLED', 'Another UI is wanted by now.');
}
