/**
 * A web session: no bridge, and its hosts held at two depths: the context's proxy, which answers
 * nobody but lets the allowed hosts around it (so subresources, workers and websockets cost nothing
 * to check), and interception of documents, which shows why.
 */
import type { Logger } from '../../log/logger.ts';
import { hostAllowed, refusalPage } from '../policy.ts';
import { RETURN_CHORD, type ViewOptions } from '../shell.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { onFrames } from './frames.ts';
import { fail, fulfil, type Paused, proceed, toOriginRequest } from './interception.ts';
import { CHORD_BINDING, configured, inject } from './scripts.ts';
import type { ViewRules } from './view-page.ts';

export interface WebRulesOptions extends ViewOptions {
  readonly pipe: DevtoolsPipe;
  /** The text of chromium-view.js. */
  readonly script: string;
  /** The UI's and the display's: no web session gets anything of them. */
  readonly closedOrigins: readonly string[];
  readonly log: Logger;
  onChord(): void;
}

/** Replaces `window.print` in the page's own world, in every frame. */
const NO_PRINT = "Object.defineProperty(window,'print',{value(){}})";

export class WebRules implements ViewRules {
  readonly #options: WebRulesOptions;
  readonly #source: string;

  constructor(options: WebRulesOptions) {
    this.#options = options;
    this.#source = configured(options.script, {
      chordCode: RETURN_CHORD.code,
      title: options.title,
      backLabel: options.backLabel,
      uploads: options.uploads,
    });
  }

  get hosts(): readonly string[] {
    return this.#options.hosts;
  }

  get downloads(): boolean {
    return this.#options.downloads;
  }

  prepare(session: DevtoolsSession): Promise<void> {
    onFrames(this.#options.pipe, session, (frame) => {
      this.#rule(frame).catch(() => {});
    });
    return this.#rule(session);
  }

  allowed(url: string): boolean {
    const { protocol, hostname } = new URL(url);
    // Other schemes that reach here (blob:, data:) carry what the page already has.
    return !/^(https?|wss?|ftp):$/.test(protocol) || hostAllowed(hostname, this.#options.hosts);
  }

  /** The rules of one document tree: the page's, or a frame's in a process of its own. */
  #rule(session: DevtoolsSession): Promise<void> {
    const { uploads, print, offline, onChord, closedOrigins } = this.#options;
    session.on('Runtime.bindingCalled', onChord);
    session.on('Fetch.requestPaused', (paused) => void this.#judge(session, paused));
    session.post('Fetch.enable', {
      patterns: [
        { urlPattern: '*', resourceType: 'Document', requestStage: 'Request' },
        // Answered for the UI by the interception of the whole browser, which comes after this one.
        ...closedOrigins.map((origin) => ({ urlPattern: `${origin}/*` })),
        ...(offline ? [{ urlPattern: '*', requestStage: 'Response' } as const] : []),
      ],
    });
    if (!uploads) {
      session.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
    }
    if (!print) session.post('Page.addScriptToEvaluateOnNewDocument', { source: NO_PRINT });
    return inject(session, this.#source, [CHORD_BINDING], { now: true });
  }

  async #judge(session: DevtoolsSession, paused: Paused): Promise<void> {
    const { title, refusedText, offline, log } = this.#options;
    const answered = paused.responseErrorReason ?? paused.responseStatusCode;
    if (!this.allowed(paused.request.url) && paused.resourceType !== 'Document') {
      fail(session, paused, 'BlockedByClient');
    } else if (!this.allowed(paused.request.url)) {
      log.info('a web session was kept from a host', { view: this.#options.id });
      fulfil(session, paused, refusalPage(title, refusedText));
    } else if (answered === undefined || paused.responseErrorReason === undefined) {
      proceed(session, paused);
    } else {
      const saved = await offline?.(toOriginRequest(paused)).catch((error: unknown) => {
        log.warn('a saved page could not be read', { view: this.#options.id, error });
        return undefined;
      });
      if (saved) fulfil(session, paused, saved);
      else fail(session, paused, paused.responseErrorReason);
    }
  }
}
