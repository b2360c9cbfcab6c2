/** What tests answer to the questions of a session. */
import { KioskError } from '../../main/base/errors.ts';
import { CredentialDesk } from '../../main/sessions/credentials.ts';
import type { Ask, SessionReply } from '../../main/sessions/engine.ts';
import { Questions } from '../../main/sessions/questions.ts';
import type { SessionQuestion } from '../../preload/contract/model.ts';

/** Answers in this order, and then no more: a question too many fails the session. */
export function answers(...replies: readonly SessionReply[]): {
  readonly ask: Ask;
  readonly asked: SessionQuestion[];
} {
  const left = [...replies];
  const asked: SessionQuestion[] = [];
  const questions = new Questions((id, question) => {
    if (question === null) return;
    asked.push(question);
    const reply = left.shift();
    if (reply) setImmediate(() => questions.answer(id, reply));
    else questions.cancel(id);
  });
  return { asked, ask: (question) => questions.ask('s', question, new AbortController().signal) };
}

/** Nobody is to be asked anything. */
export const unasked: Ask = async () => {
  throw new KioskError('CANCELLED', 'Nobody answers here.');
};

/** @param secret what the person typed to sign in; undefined: a guest */
export function deskFor(secret: () => string | undefined, now: () => number = Date.now) {
  return new CredentialDesk({
    signOn: {
      secretFor: () => {
        const typed = secret();
        return typed === undefined ? undefined : new TextEncoder().encode(typed);
      },
    },
    clock: { now },
    redact: () => () => {},
  });
}
