/**
 * What the campus's manifest in use offers, and how getting it goes: which job receives an image,
 * why it failed last, and when it is tried again.
 */
import type { WireError } from '../../preload/contract/errors.ts';
import type { Job } from '../../preload/contract/model.ts';
import { backoff } from '../base/backoff.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import type { ImageRef } from '../base/manifest.ts';
import type { Jobs } from '../jobs/jobs.ts';

/** First and longest pause before an image that could not be received is tried again. */
const RETRY = { base: 5_000, cap: 10 * 60_000 };

export interface Offer {
  readonly ref: ImageRef;
  readonly jobId: string | undefined;
  readonly error: WireError | null;
}

interface Tracked {
  readonly ref: ImageRef;
  jobId: string | undefined;
  error: WireError | null;
  attempts: number;
  retry: NodeJS.Timeout | undefined;
}

export interface OfferedImagesOptions {
  readonly jobs: Jobs;
  /** The kind of job that receives an image; its parameters are `{ ref }`. */
  readonly jobKind: string;
  readonly random: () => number;
}

export class OfferedImages implements Iterable<readonly [string, Offer]> {
  readonly #options: OfferedImagesOptions;
  readonly #offers = new Map<string, Tracked>();
  #closed = false;

  constructor(options: OfferedImagesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#offers.size;
  }

  [Symbol.iterator](): Iterator<readonly [string, Offer]> {
    return this.#offers[Symbol.iterator]();
  }

  get(image: string): Offer | undefined {
    return this.#offers.get(image);
  }

  /** Forgets what is no longer offered, or with other contents, and cancels its job. */
  async keepOnly(offered: ReadonlyMap<string, ImageRef>): Promise<void> {
    for (const [image, offer] of this.#offers) {
      if (offered.get(image)?.manifest.sha256 === offer.ref.manifest.sha256) continue;
      clearTimeout(offer.retry);
      this.#offers.delete(image);
      if (this.job(offer)) await this.#cancel(offer);
    }
  }

  /** Takes an offer over; the same contents may be offered at other addresses from now on. */
  set(ref: ImageRef): void {
    const known = this.#offers.get(ref.id);
    this.#offers.set(ref.id, {
      ref,
      jobId: known?.jobId,
      error: known?.error ?? null,
      attempts: 0,
      retry: known?.retry,
    });
  }

  /** Begins to receive an offered image, unless that is under way. */
  receive(image: string): void {
    const offer = this.#offers.get(image);
    if (!offer) return;
    clearTimeout(offer.retry);
    if (this.#closed || this.job(offer)) return;
    const { ref } = offer;
    const job = this.#options.jobs.enqueue(
      this.#options.jobKind,
      { ref },
      { title: `${ref.id} ${ref.version}`, key: `${ref.id}:${ref.manifest.sha256}` },
    );
    offer.jobId = job.id;
  }

  /** The job that receives it, while there is one. */
  job({ jobId }: Pick<Offer, 'jobId'>): Job | undefined {
    const job = this.#options.jobs.list().find(({ id }) => id === jobId);
    return job && job.finishedAt === null ? job : undefined;
  }

  succeeded({ id }: ImageRef): void {
    const offer = this.#offers.get(id);
    if (offer) offer.error = null;
  }

  /** Remembers why, and tries again later with growing pauses. */
  failed(ref: ImageRef, error: unknown): void {
    const offer = this.#offers.get(ref.id);
    if (offer?.ref.manifest.sha256 !== ref.manifest.sha256 || this.#closed) return;
    offer.error = toWireError(error);
    clearTimeout(offer.retry);
    const { random } = this.#options;
    const wait = RETRY.base + backoff(offer.attempts++, { ...RETRY, random });
    offer.retry = setTimeout(() => this.receive(ref.id), wait);
    offer.retry.unref();
  }

  close(): void {
    this.#closed = true;
    for (const offer of this.#offers.values()) clearTimeout(offer.retry);
  }

  async #cancel({ jobId }: Tracked): Promise<void> {
    try {
      if (jobId !== undefined) await this.#options.jobs.cancel(jobId);
    } catch (error) {
      // It ended by itself in the meantime.
      if (!(error instanceof KioskError && error.code === 'JOB_STATE')) throw error;
    }
  }
}
