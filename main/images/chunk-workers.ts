/**
 * The pool of chunk workers. Threads start with the first task and end when there has been none
 * for a while. Low priority is a property of a thread from its start, because an unprivileged
 * process cannot raise itself again: so there is one pool per priority.
 */
import { Worker } from 'node:worker_threads';
import { KioskError } from '../base/errors.ts';
import type {
  AnswerMessage,
  ChunkTasks,
  ReadyMessage,
  TaskMessage,
  TaskName,
} from './chunk-tasks.ts';

export interface ChunkWorkersOptions {
  readonly count: number;
  /** `low`: nice 19, and the idle class of the disk's scheduler. */
  readonly priority: 'normal' | 'low';
  /** Told the thread's id (a directory under /proc) as each low-priority thread starts. */
  readonly onLowThread?: (tid: number) => void;
  /** Milliseconds without a task after which threads end. Default 10 000. */
  readonly idleMs?: number;
}

interface Waiting {
  readonly message: TaskMessage;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  task: Waiting | undefined;
}

export class ChunkWorkers {
  readonly #options: ChunkWorkersOptions;
  readonly #threads = new Set<Thread>();
  readonly #queue: Waiting[] = [];
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ChunkWorkersOptions) {
    this.#options = options;
  }

  /**
   * Runs one task. Buffers are copied to the thread (a view with all that is behind it), but for
   * those to `transfer`, which move there.
   * @throws the system error that the task met, with its `code`; KioskError `CANCELLED` once closed
   */
  run<N extends TaskName>(
    task: N,
    request: ChunkTasks[N]['request'],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ChunkTasks[N]['answer']> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new KioskError('CANCELLED', 'The image store is closed.'));
        return;
      }
      this.#queue.push({
        message: { task, request } as TaskMessage,
        transfer,
        resolve: resolve as (answer: unknown) => void,
        reject,
      });
      this.#dispatch();
    });
  }

  /** Ends the threads; tasks under way and waiting are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    for (const waiting of this.#queue.splice(0)) waiting.reject(closedError());
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #dispatch(): void {
    clearTimeout(this.#idle);
    while (this.#queue.length > 0) {
      const thread = this.#freeThread();
      if (!thread) return;
      const task = this.#queue.shift();
      if (!task) return;
      thread.task = task;
      thread.worker.ref();
      thread.worker.postMessage(task.message, task.transfer);
    }
  }

  #freeThread(): Thread | undefined {
    for (const thread of this.#threads) if (!thread.task) return thread;
    return this.#threads.size < this.#options.count ? this.#start() : undefined;
  }

  #start(): Thread {
    const worker = new Worker(new URL('./chunk-worker.ts', import.meta.url), {
      workerData: { nice: this.#options.priority === 'low' ? 19 : 0 },
      // Flags of main (an inspector, a test runner's loader) are not the thread's business.
      execArgv: [],
    });
    const thread: Thread = { worker, task: undefined };
    this.#threads.add(thread);
    worker.on('message', (message: AnswerMessage | ReadyMessage) => {
      if ('ready' in message) {
        const tid = Number(message.ready.threadId.split('/').pop());
        if (this.#options.priority === 'low') this.#options.onLowThread?.(tid);
        return;
      }
      const { task } = thread;
      thread.task = undefined;
      worker.unref();
      if ('answer' in message) task?.resolve(message.answer);
      else task?.reject(Object.assign(new Error(message.failure.message), code(message.failure)));
      if (this.#queue.length > 0) this.#dispatch();
      else this.#endWhenIdle();
    });
    const over = (error: unknown): void => {
      this.#threads.delete(thread);
      thread.task?.reject(error);
      thread.task = undefined;
      if (!this.#closed) this.#dispatch();
    };
    worker.once('error', over);
    worker.once('exit', () => over(closedError()));
    return thread;
  }

  #endWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      for (const thread of [...this.#threads]) {
        if (thread.task) continue;
        this.#threads.delete(thread);
        void thread.worker.terminate();
      }
    }, this.#options.idleMs ?? 10_000);
    this.#idle.unref();
  }
}

function code(failure: { code: string | undefined }): { code?: string } {
  return failure.code === undefined ? {} : { code: failure.code };
}

function closedError(): KioskError {
  return new KioskError('CANCELLED', 'The thread that works on images ended.');
}
