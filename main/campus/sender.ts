/** Empties the outbox into the campus's `reports` endpoint, batch after batch, one at a time. */
import { KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { statusOf } from './faults.ts';
import type { CampusHttp } from './http.ts';
import type { Outbox } from './outbox.ts';

export interface SenderOptions {
  readonly http: Pick<CampusHttp, 'post'>;
  readonly outbox: Outbox;
  readonly kioskId: string;
  /** The endpoint; undefined while the campus has none: reports are kept, up to their bounds. */
  readonly endpoint: () => string | undefined;
  readonly log: Logger;
}

const BATCH = 100;
/** The campus understood, and will never take this content (RFC 9110: 400, 413, 415, 422). */
const UNACCEPTABLE: ReadonlySet<number> = new Set([400, 413, 415, 422]);

export class ReportSender {
  readonly #options: SenderOptions;
  #sending: Promise<void> | null = null;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends all that waits; what fails stays for the next time. Never rejects. */
  send(signal: AbortSignal): Promise<void> {
    this.#sending ??= this.#sendAll(signal).finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  async #sendAll(signal: AbortSignal): Promise<void> {
    const { http, outbox, kioskId, endpoint, log } = this.#options;
    let batch = BATCH;
    for (;;) {
      const url = endpoint();
      const reports = url === undefined ? [] : outbox.peek(batch);
      const [first] = reports;
      if (url === undefined || first === undefined || signal.aborted) return;
      const { dropped } = outbox;
      try {
        await http.post(url, {
          json: { kiosk: kioskId, dropped, reports },
          accept: [200, 201, 202, 204],
          maxBytes: 64 * 1024,
          signal,
        });
        outbox.acknowledge(reports, dropped);
        batch = BATCH;
      } catch (error) {
        if (UNACCEPTABLE.has(statusOf(error) ?? 0)) {
          // Halves find the one that is refused; only that one is given up.
          if (reports.length === 1) {
            outbox.reject(first);
            batch = BATCH;
          } else batch = Math.ceil(reports.length / 2);
          continue;
        }
        if (!signal.aborted)
          log.warn('reports stay in the outbox', {
            count: outbox.count,
            ...(error instanceof KioskError ? { code: error.code } : { error }),
          });
        return;
      }
    }
  }
}
