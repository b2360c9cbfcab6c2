/**
 * Pages of existing servers in front of the UI: every request of theirs is answered by main (the
 * page cache, which asks the network), none goes to the network from here. That holds for what
 * interception does not see as well (websockets, workers): the context's proxy answers nobody.
 */
import type { Logger } from '../../log/logger.ts';
import { refusalPage } from '../policy.ts';
import type { IncomingCall, OriginResponse, PagesOptions } from '../shell.ts';
import { Bridge } from './bridge.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { fail, fulfil, type Paused, toOriginRequest } from './interception.ts';
import type { Scripts } from './scripts.ts';
import type { ViewRules } from './view-page.ts';

export interface PagesRulesOptions extends PagesOptions {
  readonly pipe: DevtoolsPipe;
  readonly scripts: Scripts;
  readonly handshake: string;
  readonly log: Logger;
  onCall(call: IncomingCall): void;
  onChord(): void;
}

export class PagesRules implements ViewRules {
  readonly hosts: readonly string[] = [];
  readonly downloads = false;
  readonly #options: PagesRulesOptions;
  #bridge: Bridge | undefined;

  constructor(options: PagesRulesOptions) {
    this.#options = options;
  }

  prepare(session: DevtoolsSession, targetId: string): Promise<unknown> {
    const { privileged, title, backLabel } = this.#options;
    this.#bridge = new Bridge({
      ...this.#options,
      session,
      targetId,
      origins: privileged,
      strip: { title, backLabel },
      prepare: (each) => this.#rule(each),
    });
    session.on('Page.javascriptDialogOpening', ({ type }) => {
      session.post('Page.handleJavaScriptDialog', { accept: type !== 'prompt' });
    });
    return this.#bridge.prepared;
  }

  /** Hands a message to the page, if its origin has the bridge. */
  deliver(message: string): void {
    this.#bridge?.deliver(message);
  }

  allowed(url: string): boolean {
    return this.#options.origins.includes(new URL(url).origin);
  }

  #rule(session: DevtoolsSession): void {
    session.on('Fetch.requestPaused', (paused) => void this.#answer(session, paused));
    session.post('Fetch.enable', { patterns: [{ urlPattern: '*' }] });
    session.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
  }

  async #answer(session: DevtoolsSession, paused: Paused): Promise<void> {
    const { title, refusedText, serve, log } = this.#options;
    if (this.allowed(paused.request.url)) {
      fulfil(session, paused, await serve(toOriginRequest(paused)).catch(failed(log)));
    } else if (paused.resourceType === 'Document') {
      log.info('pages of the campus were kept from another origin');
      fulfil(session, paused, refusalPage(title, refusedText));
    } else fail(session, paused, 'BlockedByClient');
  }
}

function failed(log: Logger): (error: unknown) => OriginResponse {
  return (error) => {
    log.error('a request of a page could not be served', { error });
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: new Uint8Array() };
  };
}
