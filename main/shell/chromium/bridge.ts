/**
 * The bridge of one page: `window.kiosk` in its world, the binding in an isolated one. Who calls is
 * what Chromium says of the execution context that used the binding, never what the page says.
 */
import type { Protocol } from 'devtools-protocol';
import { type BridgeConfig, bridgeConfig } from '../names.ts';
import type { Caller, IncomingCall } from '../shell.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { onFrames } from './frames.ts';
import {
  CALL_BINDING,
  CHORD_BINDING,
  configured,
  DELIVER,
  inject,
  type Scripts,
  WORLD,
} from './scripts.ts';

export interface BridgeOptions extends BridgeConfig {
  readonly pipe: DevtoolsPipe;
  readonly session: DevtoolsSession;
  readonly targetId: string;
  readonly scripts: Scripts;
  /** Further rules of each document tree: the page's, and those of frames in their own process. */
  prepare(session: DevtoolsSession): void;
  onCall(call: IncomingCall): void;
  onChord(): void;
}

export class Bridge {
  readonly #options: BridgeOptions;
  readonly #session: DevtoolsSession;
  readonly #contexts = new Map<number, Protocol.Runtime.ExecutionContextDescription>();
  /**
   * Settles once the page's process has the scripts. A document that came before them would run
   * without the bridge: the shell holds its response for so long, and nothing else.
   */
  readonly prepared: Promise<unknown>;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const { session, pipe, scripts, prepare } = options;
    this.#session = session;
    this.#listen();
    const config = bridgeConfig(options);
    const bridge = configured(scripts.bridge, config);
    // Without an origin that may call there is the chord, and no binding to call with.
    const privileged = options.origins.length > 0;
    prepare(session);
    // First the page's own world, which listens, then the isolated one, which hands over the port.
    this.prepared = Promise.all([
      session.send('Page.addScriptToEvaluateOnNewDocument', {
        source: configured(scripts.page, config),
      }),
      inject(session, bridge, privileged ? [CALL_BINDING, CHORD_BINDING] : [CHORD_BINDING], {
        now: false,
      }),
    ]);
    this.prepared.catch(() => {});
    onFrames(pipe, session, (frame) => {
      frame.on('Runtime.bindingCalled', () => options.onChord());
      inject(frame, bridge, [CHORD_BINDING], { now: true }).catch(() => {});
      prepare(frame);
    });
  }

  /** Hands a message to the page; without a document that listens it is dropped. */
  deliver(message: string): void {
    const { origins } = this.#options;
    for (const context of this.#contexts.values()) {
      const topFrame = context.auxData?.frameId === this.#options.targetId;
      if (context.name === WORLD && topFrame && origins.includes(context.origin)) {
        this.#deliverTo(context.uniqueId, message);
      }
    }
  }

  #listen(): void {
    const session = this.#session;
    session.on('Runtime.executionContextCreated', ({ context }) => {
      this.#contexts.set(context.id, context);
    });
    session.on('Runtime.executionContextDestroyed', (gone) => {
      // Ids are per process: the old document's farewell may name the new one's.
      const { executionContextId: id, executionContextUniqueId } = gone;
      if (this.#contexts.get(id)?.uniqueId === executionContextUniqueId) this.#contexts.delete(id);
    });
    session.on('Runtime.executionContextsCleared', () => this.#contexts.clear());
    session.on('Inspector.targetCrashed', () => this.#contexts.clear());
    session.on('Runtime.bindingCalled', (event) => this.#binding(event));
  }

  #binding({ name, payload, executionContextId }: Protocol.Runtime.BindingCalledEvent): void {
    const context = this.#contexts.get(executionContextId);
    if (context?.name !== WORLD) return;
    if (name === CHORD_BINDING) {
      this.#options.onChord();
      return;
    }
    const end = payload.indexOf('\n');
    this.#options.onCall({
      caller: this.#caller(context, payload.slice(0, end)),
      message: payload.slice(end + 1),
      reply: (message) => {
        if (this.#contexts.has(executionContextId)) this.#deliverTo(context.uniqueId, message);
      },
    });
  }

  #caller(context: Protocol.Runtime.ExecutionContextDescription, load: string): Caller {
    return {
      origin: context.origin,
      topFrame: context.auxData?.frameId === this.#options.targetId,
      load: load === '' ? null : load,
    };
  }

  #deliverTo(uniqueContextId: string, message: string): void {
    this.#session
      .send('Runtime.evaluate', {
        expression: `globalThis.${DELIVER}?.(${JSON.stringify(message)})`,
        uniqueContextId,
      })
      // The document went away in the meantime.
      .catch(() => {});
  }
}
