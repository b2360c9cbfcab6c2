/**
 * Batch orders of the campus (`endpoints.jobs`): asked for after each look and when the campus
 * says so, obeyed at most once, acknowledged until the campus has heard it. The closed list of
 * kinds is the schema; each is a method of {@link OrderPort}.
 */
import { z } from 'zod';
import { Id } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { OrderPort } from './api.ts';
import { saysAbsent } from './faults.ts';
import type { CampusHttp } from './http.ts';
import { parseJson } from './json.ts';
import type { CampusStore, OrderState } from './store.ts';

const OrderBase = {
  /** Chosen by the campus, never used twice. */
  id: Id,
  /** Not obeyed after this: yesterday's shutdown must not end today's lesson. */
  expiresAt: z.iso.datetime(),
};
const Order = z.discriminatedUnion('kind', [
  z.object({ ...OrderBase, kind: z.literal('refresh') }),
  z.object({ ...OrderBase, kind: z.literal('verify-image'), image: Id }),
  z.object({ ...OrderBase, kind: z.literal('power'), action: z.enum(['shutdown', 'restart']) }),
  z.object({ ...OrderBase, kind: z.literal('install'), profile: Id }),
  z.object({ ...OrderBase, kind: z.literal('rollback-system') }),
]);
type Order = z.infer<typeof Order>;

/** Orders are read one by one: one that this version does not know must not hide the others. */
const OrderList = z.object({ orders: z.array(z.unknown()).max(1000) });
const Named = z.object({ id: Id });

export interface OrdersOptions {
  readonly http: Pick<CampusHttp, 'get' | 'post'>;
  readonly store: CampusStore;
  readonly port: OrderPort;
  readonly kioskId: string;
  readonly endpoint: () => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_LIST_BYTES = 1024 * 1024;

export class Orders {
  readonly #options: OrdersOptions;
  #running: Promise<void> | null = null;

  constructor(options: OrdersOptions) {
    this.#options = options;
  }

  /** Fetches, obeys and acknowledges. Never rejects: failures are logged and tried again later. */
  run(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(signal)
      .catch((error: unknown) => {
        if (signal.aborted || saysAbsent(error)) return;
        const { code, message } = toWireError(error);
        this.#options.log.warn('orders could not be exchanged', { code, reason: message });
      })
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const url = this.#options.endpoint();
    if (url === undefined) return;
    await this.#acknowledge(url, signal);
    const separator = url.includes('?') ? '&' : '?';
    const answer = await this.#options.http.get(
      `${url}${separator}kiosk=${encodeURIComponent(this.#options.kioskId)}`,
      { maxBytes: MAX_LIST_BYTES, confidential: true, signal },
    );
    for (const item of parseJson(OrderList, answer).orders) {
      const named = Named.safeParse(item);
      if (!named.success || this.#options.store.order(named.data.id) !== null) continue;
      const order = Order.safeParse(item);
      if (order.success) await this.#obey(order.data, url, signal);
      else this.#record(named.data.id, 'failed', 'CAMPUS_BAD_RESPONSE');
      await this.#acknowledge(url, signal);
    }
  }

  async #obey(order: Order, url: string, signal: AbortSignal): Promise<void> {
    const { clock, log, port } = this.#options;
    if (Date.parse(order.expiresAt) <= clock.now()) {
      this.#record(order.id, 'expired', null);
      return;
    }
    log.info('an order of the campus', { id: order.id, kind: order.kind });
    // Power ends this process before it could say "done", so it says it first.
    this.#record(order.id, order.kind === 'power' ? 'done' : 'started', null);
    if (order.kind === 'power') await this.#acknowledge(url, signal);
    try {
      await this.#execute(order, port);
      this.#record(order.id, 'done', null);
    } catch (error) {
      const { code, message } = toWireError(error);
      log.error('an order of the campus failed', { id: order.id, code, reason: message });
      this.#record(order.id, 'failed', code);
    }
  }

  #execute(order: Order, port: OrderPort): Promise<void> {
    switch (order.kind) {
      case 'refresh':
        return port.refresh();
      case 'verify-image':
        return port.verifyImage(order.image);
      case 'power':
        return port.power(order.action);
      case 'install':
        return port.install(order.profile);
      case 'rollback-system':
        return port.rollbackSystem();
    }
  }

  #record(id: string, state: OrderState, error: string | null): void {
    this.#options.store.setOrder({ id, state, error }, this.#options.clock.now());
  }

  async #acknowledge(url: string, signal: AbortSignal): Promise<void> {
    const { http, store, kioskId } = this.#options;
    const records = store.unacknowledgedOrders();
    if (records.length === 0) return;
    try {
      await http.post(url, {
        json: { kiosk: kioskId, acknowledgements: records },
        accept: [200, 201, 202, 204],
        maxBytes: 64 * 1024,
        confidential: true,
        signal,
      });
      for (const record of records) store.acknowledgeOrder(record);
    } catch (error) {
      // It stays unacknowledged in the store and goes with the next exchange.
      if (!(error instanceof KioskError)) throw error;
      this.#options.log.debug('acknowledgement failed', { code: error.code });
    }
  }
}
