/**
 * The UI's page: the only one with the bridge. Who calls is what Chromium says of the execution
 * context that used the binding, never what the page says.
 */
import type { Protocol } from 'devtools-protocol';
import { KioskError } from '../../base/errors.ts';
import { contractNames } from '../names.ts';
import { type IncomingCall, RETURN_CHORD } from '../shell.ts';
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

export interface UiPageOptions {
  readonly pipe: DevtoolsPipe;
  readonly session: DevtoolsSession;
  readonly targetId: string;
  readonly uiOrigin: string;
  readonly scripts: Scripts;
  /** The name of the event between the two worlds. */
  readonly handshake: string;
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
  /**
   * Settles once the page's process has the scripts. A document that came before them would run
   * without the bridge: the shell holds its response for so long, and nothing else.
   */
  readonly prepared: Promise<unknown>;
  #arrived = false;

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
    session.post('Inspector.enable');
    session.post('Page.enable');
    // First the page's own world, which listens, then the isolated one, which hands over the port.
    this.prepared = Promise.all([
      session.send('Page.addScriptToEvaluateOnNewDocument', {
        source: configured(scripts.page, config),
      }),
      inject(session, bridge, [CALL_BINDING, CHORD_BINDING]),
    ]);
    this.prepared.catch(() => {});
    session.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
    onFrames(pipe, session, (frame) => {
      frame.on('Runtime.bindingCalled', () => options.onChord());
      inject(frame, bridge, [CHORD_BINDING]).catch(() => {});
      frame.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
    });
    session.post('Runtime.runIfWaitingForDebugger');
  }

  /** Also the id of the page's main frame. */
  get targetId(): string {
    return this.#options.targetId;
  }

  /**
   * Navigates to the UI's entry page; resolves once Chromium has accepted the document. Whether it
   * can be used, the page itself says (`ui.rendered`).
   * @throws KioskError `TIMEOUT`, `UI_CRASHED`, `BRIDGE_CLOSED`
   */
  async load(): Promise<void> {
    const url = `${this.#options.uiOrigin}/`;
    const navigated = await within(LOAD_PATIENCE_MS, this.#session.send('Page.navigate', { url }));
    if (navigated === undefined) throw new KioskError('TIMEOUT', 'The UI did not load in time.');
    // A navigation that a newer one replaced is not a failure: the newer one is the page's wish.
    if (navigated.errorText !== undefined && navigated.errorText !== 'net::ERR_ABORTED') {
      throw new KioskError('UI_CRASHED', `The UI did not load: ${navigated.errorText}.`);
    }
  }

  /** True when the page's main thread answers. A page in an endless loop does not. */
  async responds(): Promise<boolean> {
    const alive = this.#session.send('Runtime.evaluate', { expression: '1' }).then(() => true);
    return (await within(PING_PATIENCE_MS, alive).catch(() => false)) ?? false;
  }

  /**
   * Ends the page's process, which works on a hung one; `onLost` follows. The command interrupts
   * the renderer's input/output thread, so that it does not wait for the page's own.
   */
  kill(): void {
    // Its answer is that the page is gone.
    this.#session.send('Page.crash').catch(() => {});
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
    const { uiOrigin } = this.#options;
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
    session.on('Runtime.bindingCalled', (event) => this.#binding(event));
    session.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId !== undefined) return;
      if (new URL(frame.url).origin === uiOrigin) this.#arrived = true;
      // Before that it is the browser's own first page.
      else if (this.#arrived) this.#options.onLost('left its origin');
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

/** What the promise brings, or undefined when it takes longer than that. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
