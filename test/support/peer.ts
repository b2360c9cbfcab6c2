/** Two processes that call each other over a pair of pipes: JSON lines. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

type Message =
  | { readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly answer: number; readonly result?: unknown; readonly error?: string };

export type Answers = Readonly<Record<string, (params: unknown) => unknown>>;

export class Peer {
  readonly #output: Writable;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(input: Readable, output: Writable, answers: Answers) {
    this.#output = output;
    const lines = createInterface({ input });
    lines.on('line', (line) => {
      const message: Message = JSON.parse(line);
      if ('method' in message) void this.#answer(message.id, answers[message.method], message);
      else this.#settle(message);
    });
    lines.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the other end is gone'));
    });
    output.on('error', () => lines.close());
  }

  call(method: string, params: unknown = null): Promise<unknown> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#send({ id, method, params });
    return waiting.promise;
  }

  async #answer(
    id: number,
    answer: ((params: unknown) => unknown) | undefined,
    { params }: { readonly params: unknown },
  ): Promise<void> {
    try {
      this.#send({ answer: id, result: (await answer?.(params)) ?? null });
    } catch (error) {
      this.#send({ answer: id, error: String(error) });
    }
  }

  #settle({ answer, result, error }: Extract<Message, { answer: number }>): void {
    const waiting = this.#waiting.get(answer);
    this.#waiting.delete(answer);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }

  #send(message: Message): void {
    this.#output.write(`${JSON.stringify(message)}\n`);
  }
}
