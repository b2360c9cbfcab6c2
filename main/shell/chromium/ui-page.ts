/**
 * The UI's page: the only one with the bridge. Who calls is what Chromium says of the execution
 * context that used the binding, never what the page says.
 */
import type { Protocol } from 'devtools-protocol';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import { contractNames } from '../names.ts';
import { type IncomingCall, RETURN_CHORD } from '../shell.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { onFrames } from './frames.ts';
import { fail, proceed } from './interception.ts';
import {
  CALL_BINDING,
  CHORD_BINDING,
  configured,
  DELIVER,
  inject,
  type Scripts,
  WORLD,
} from './scripts.ts';

export interface UiPageOptions {
  readonly pipe: DevtoolsPipe;
  readonly session: DevtoolsSession;
  readonly targetId: string;
  readonly uiOrigin: string;
  readonly displayOrigin: string;
  readonly scripts: Scripts;
  /** The name of the event between the two worlds. */
  readonly handshake: string;
  readonly log: Logger;
  onCall(call: IncomingCall): void;
  onChord(): void;
  /** The page died, or left the UI's origin by a way that is not a request. */
  onLost(reason: string): void;
}

/** How long a page may take to load before it counts as hung, in milliseconds. */
const LOAD_PATIENCE_MS = 30_000;
/** How long a living page may take to answer, in milliseconds. */
const PING_PATIENCE_MS = 3_000;

export class UiPage {
  readonly #options: UiPageOptions;
  readonly #session: DevtoolsSession;
  readonly #contexts = new Map<number, Protocol.Runtime.ExecutionContextDescription>();
  #opened = false;

  constructor(options: UiPageOptions) {
    this.#options = options;
    const { session, pipe, scripts } = options;
    this.#session = session;
    this.#listen();
    const config = {
      uiOrigin: options.uiOrigin,
      names: contractNames(),
      chordCode: RETURN_CHORD.code,
      handshake: options.handshake,
    };
    const bridge = configured(scripts.bridge, config);
    // Nothing waits for an answer: the commands are in the pipe before the first navigation.
    session.post('Inspector.enable');
    session.post('Page.enable');
    session.post('Page.setLifecycleEventsEnabled', { enabled: true });
    session.post('Runtime.enable');
    session.post('Fetch.enable', { patterns: [{ urlPattern: '*', resourceType: 'Document' }] });
    // First the page's own world, which listens, then the isolated one, which hands over the port.
    session.post('Page.addScriptToEvaluateOnNewDocument', {
      source: configured(scripts.page, config),
    });
    inject(session, bridge, [CALL_BINDING, CHORD_BINDING]);
    session.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
    onFrames(pipe, session, (frame) => {
      frame.on('Runtime.bindingCalled', () => options.onChord());
      inject(frame, bridge, [CHORD_BINDING]);
      frame.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
    });
    session.post('Runtime.runIfWaitingForDebugger');
  }

  /**
   * Loads the UI's entry page; resolves with its `load` event.
   * @throws KioskError `TIMEOUT`, `UI_CRASHED`, `BRIDGE_CLOSED`
   */
  async load(): Promise<void> {
    const loaded = new Set<string>();
    let check: () => void = () => {};
    let failed: (error: Error) => void = () => {};
    const stop = [
      this.#session.on('Page.lifecycleEvent', (event) => {
        if (event.name !== 'load' || event.frameId !== this.#options.targetId) return;
        loaded.add(event.loaderId);
        check();
      }),
      this.#session.on('Inspector.targetCrashed', () =>
        failed(new KioskError('UI_CRASHED', 'The page died while it was loading.')),
      ),
    ];
    const over = new Promise<never>((_resolve, reject) => {
      failed = reject;
    });
    over.catch(() => {});
    const timer = setTimeout(
      () => failed(new KioskError('TIMEOUT', 'The UI did not load in time.')),
      LOAD_PATIENCE_MS,
    );
    try {
      const navigated = await Promise.race([
        this.#session.send('Page.navigate', { url: `${this.#options.uiOrigin}/` }),
        over,
      ]);
      if (navigated.errorText !== undefined) {
        throw new KioskError('UI_CRASHED', `The UI did not load: ${navigated.errorText}.`);
      }
      this.#opened = true;
      await Promise.race([
        over,
        new Promise<void>((resolve) => {
          check = () => {
            if (navigated.loaderId === undefined || loaded.has(navigated.loaderId)) resolve();
          };
          check();
        }),
      ]);
    } finally {
      clearTimeout(timer);
      for (const end of stop) end();
    }
  }

  /** True when the page's main thread answers. A page in an endless loop does not. */
  async responds(): Promise<boolean> {
    const patience = new AbortController();
    const silence = new Promise<false>((resolve) => {
      const timer = setTimeout(() => resolve(false), PING_PATIENCE_MS);
      patience.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    try {
      return await Promise.race([
        this.#session.send('Runtime.evaluate', { expression: '1' }).then(() => true),
        silence,
      ]);
    } catch {
      return false;
    } finally {
      patience.abort();
    }
  }

  /**
   * Ends the page's process, which works on a hung one; `onLost` follows. The command interrupts
   * the renderer's input/output thread, so that it does not wait for the page's own.
   */
  kill(): void {
    this.#session.post('Page.crash');
  }

  raise(): Promise<void> {
    return this.#session.send('Page.bringToFront');
  }

  /** Hands a message to the page; without a document that listens it is dropped. */
  deliver(message: string): void {
    for (const context of this.#contexts.values()) {
      if (context.name === WORLD && this.#caller(context).topFrame) {
        this.#deliverTo(context.uniqueId, message);
      }
    }
  }

  #listen(): void {
    const { log, targetId, uiOrigin, displayOrigin } = this.#options;
    const session = this.#session;
    session.on('Runtime.executionContextCreated', ({ context }) => {
      this.#contexts.set(context.id, context);
    });
    session.on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      this.#contexts.delete(executionContextId);
    });
    session.on('Runtime.executionContextsCleared', () => this.#contexts.clear());
    session.on('Runtime.bindingCalled', (event) => this.#binding(event));
    session.on('Fetch.requestPaused', (paused) => {
      const { origin } = new URL(paused.request.url);
      // Both are answered by the interception of the whole browser, further on.
      if (origin === uiOrigin || (origin === displayOrigin && paused.frameId !== targetId)) {
        proceed(session, paused);
        return;
      }
      log.warn('the UI was kept from leaving its origin', {
        url: paused.request.url.slice(0, 200),
      });
      fail(session, paused, paused.frameId === targetId ? 'Aborted' : 'BlockedByClient');
    });
    session.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId !== undefined || !this.#opened) return;
      if (new URL(frame.url).origin !== uiOrigin) this.#options.onLost('left its origin');
    });
    session.on('Page.javascriptDialogOpening', ({ type }) => {
      // A page that asks "leave?" must not hold up a reload; other dialogs have no place here.
      session.post('Page.handleJavaScriptDialog', { accept: type === 'beforeunload' });
    });
    session.on('Inspector.targetCrashed', () => {
      this.#contexts.clear();
      this.#options.onLost('crashed');
    });
  }

  #binding({ name, payload, executionContextId }: Protocol.Runtime.BindingCalledEvent): void {
    const context = this.#contexts.get(executionContextId);
    if (context?.name !== WORLD) return;
    if (name === CHORD_BINDING) {
      this.#options.onChord();
      return;
    }
    this.#options.onCall({
      caller: this.#caller(context),
      message: payload,
      reply: (message) => {
        if (this.#contexts.has(executionContextId)) this.#deliverTo(context.uniqueId, message);
      },
    });
  }

  #caller(context: Protocol.Runtime.ExecutionContextDescription): IncomingCall['caller'] {
    return {
      origin: context.origin,
      topFrame: context.auxData?.frameId === this.#options.targetId,
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
