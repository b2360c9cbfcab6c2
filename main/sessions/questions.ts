/** What sessions ask the person at the screen: at most one open question each. */
import type { SessionQuestion } from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import type { SessionReply } from './engine.ts';

interface Open {
  readonly type: SessionQuestion['type'];
  readonly reply: PromiseWithResolvers<SessionReply>;
}

export class Questions {
  readonly #open = new Map<string, Open>();
  readonly #changed: (sessionId: string, question: SessionQuestion | null) => void;

  constructor(changed: (sessionId: string, question: SessionQuestion | null) => void) {
    this.#changed = changed;
  }

  /**
   * @throws the signal's reason; KioskError `CANCELLED` when the session ends or asks anew
   */
  async ask<T extends SessionQuestion['type']>(
    sessionId: string,
    question: Extract<SessionQuestion, { type: T }>,
    signal: AbortSignal,
  ): Promise<Extract<SessionReply, { type: T }>> {
    signal.throwIfAborted();
    this.cancel(sessionId);
    const reply = Promise.withResolvers<SessionReply>();
    const open: Open = { type: question.type, reply };
    this.#open.set(sessionId, open);
    this.#changed(sessionId, question);
    const abort = (): void => reply.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const answer = await reply.promise;
      if (!isReplyTo(question.type, answer)) throw new Error('an answer to another question');
      return answer;
    } finally {
      signal.removeEventListener('abort', abort);
      if (this.#open.get(sessionId) === open) {
        this.#open.delete(sessionId);
        this.#changed(sessionId, null);
      }
    }
  }

  /** @throws KioskError `NOT_ALLOWED` where nothing of the kind is asked */
  answer(sessionId: string, reply: SessionReply): void {
    const open = this.#open.get(sessionId);
    if (open?.type !== reply.type) {
      throw new KioskError('NOT_ALLOWED', 'The session asks nothing of the kind.');
    }
    open.reply.resolve(reply);
  }

  /** The session is over. */
  cancel(sessionId: string): void {
    this.#open
      .get(sessionId)
      ?.reply.reject(new KioskError('CANCELLED', 'The question has no object any more.'));
  }
}

function isReplyTo<T extends SessionQuestion['type']>(
  type: T,
  reply: SessionReply,
): reply is Extract<SessionReply, { type: T }> {
  return reply.type === type;
}
