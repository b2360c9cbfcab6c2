/** Real machines for tests: an engine in folders of its own, and hands and eyes on its guests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { VmEntry } from '../../main/base/manifest.ts';
import { type Logger, silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { StartRequest } from '../../main/sessions/engine.ts';
import {
  createVmEngine,
  type VmEngine,
  type VmEngineOptions,
} from '../../main/sessions/vm/engine.ts';
import { killProcessesIn } from '../../main/sessions/vm/processes.ts';
import type { WireError } from '../../preload/contract/errors.ts';
import { Person } from '../../preload/contract/model.ts';
import { buildDemoImage } from '../../scripts/demo-image.ts';
import { unasked } from './questions.ts';

const cache = fileURLToPath(new URL('../../.cache/machines/', import.meta.url));

/** The path of the demo disk, built once. */
export async function demoDisk(): Promise<string> {
  const path = join(cache, 'demo.qcow2');
  await buildDemoImage(path);
  return path;
}

/** Small, so that several fit beside each other under emulation. */
export const SMALL = {
  memory: { mib: 256, reserveMib: 256 },
  cpu: { count: 1 },
  audio: false,
  console: true,
};

export interface MachineLab {
  readonly engine: VmEngine;
  readonly folder: string;
  readonly launcher: Launcher;
  readonly released: string[];
  readonly notices: WireError[];
  /** An engine on the same folders, as after a restart of main. */
  again(options?: Partial<VmEngineOptions>): VmEngine;
  request(options: {
    readonly sessionId?: string;
    readonly groupId?: string;
    readonly machines?: readonly object[];
    readonly machineIndex?: number;
    readonly keep?: 'reset' | 'person';
    readonly image?: string | null;
    readonly description?: object;
    readonly signal?: AbortSignal;
  }): StartRequest<VmEntry>;
  /** Ends every machine and removes everything. */
  close(): Promise<void>;
}

/** @param images paths by image id; `demo` is there by itself when `disk` is given */
export async function machineLab(
  images: Readonly<Record<string, { path: string; format: 'raw' | 'qcow2'; version?: string }>>,
  options: Partial<VmEngineOptions> = {},
  log: Logger = silentLogger,
): Promise<MachineLab> {
  const folder = await mkdtemp(join(tmpdir(), 'vm-'));
  const launcher = new Launcher(log);
  const released: string[] = [];
  const notices: WireError[] = [];
  const again = (more: Partial<VmEngineOptions> = {}): VmEngine =>
    createVmEngine({
      launcher,
      images: {
        async acquire(id) {
          const image = images[id];
          if (!image) throw new Error(`no image ${id} in this test`);
          return { version: '1', ...image, release: () => void released.push(id) };
        },
      },
      runtimeFolder: join(folder, 'run'),
      stateFolder: join(folder, 'state'),
      diskReserveMib: 64,
      log,
      ...options,
      ...more,
    });
  let count = 0;
  return {
    engine: again(),
    folder,
    launcher,
    released,
    notices,
    again,
    request(wanted) {
      count++;
      const sessionId = wanted.sessionId ?? `session-${count}`;
      const one = {
        name: 'machine',
        ...(wanted.image === null ? {} : { image: wanted.image ?? 'demo' }),
        description: { ...SMALL, ...wanted.description },
      };
      const request: StartRequest<VmEntry> = {
        sessionId,
        groupId: wanted.groupId ?? sessionId,
        entry: VmEntry.parse({
          id: 'entry',
          kind: 'vm',
          title: 'Machine',
          machines: wanted.machines ?? [one],
          keep: wanted.keep ?? 'reset',
        }),
        machineIndex: wanted.machineIndex ?? 0,
        person: Person.parse({
          id: 'ada',
          name: 'Ada',
          kind: 'member',
          groups: [],
          offline: false,
        }),
        signal: wanted.signal ?? new AbortController().signal,
        progress() {},
        launching() {},
        ask: unasked,
        notice: (error) => void notices.push(error),
      };
      return request;
    },
    async close() {
      await killProcessesIn(folder);
      await launcher.stopAll();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Everything that the guest has written to its serial line and nobody has read yet. */
export class GuestConsole {
  #text = '';
  readonly #engine: VmEngine;
  readonly #sessionId: string;

  constructor(engine: VmEngine, sessionId: string) {
    this.#engine = engine;
    this.#sessionId = sessionId;
  }

  async read(): Promise<string> {
    const part = await this.#engine
      .monitor(this.#sessionId)
      ?.execute('ringbuf-read', { device: 'console', size: 65_536 });
    this.#text += String(part ?? '');
    return this.#text;
  }

  /** Waits for the guest to say it. */
  async until(pattern: RegExp, timeoutMs = 240_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(await this.read());
      if (match) return match;
      if (Date.now() > deadline)
        throw new Error(`the guest never said ${pattern}; it said:\n${this.#text.slice(-3000)}`);
      await pause(150);
    }
  }

  /**
   * Types a command at the guest's keyboard; what it prints comes back through its serial line.
   * A guest that comes late for its keys loses some: it is typed again, so it has to bear that.
   */
  async run(command: string, timeoutMs = 60_000): Promise<string> {
    for (let tries = 3; ; tries--) {
      const mark = `end-${Math.random().toString(36).slice(2, 8)}`;
      const from = (await this.read()).length;
      // The mark is broken up, so that the echo of the typed line is not taken for the answer.
      const end = `echo ${mark.slice(0, 3)}""${mark.slice(3)}:$?`;
      await this.type(`{ ${command}; ${end}; } >/dev/ttyS0 2>&1\n`);
      try {
        const match = await this.until(new RegExp(`${mark}:(\\d+)`), timeoutMs);
        return this.#text.slice(from, match.index).replaceAll('\r', '').trim();
      } catch (error) {
        if (tries === 1) throw error;
        await this.#press(['ctrl', 'c']);
      }
    }
  }

  async type(text: string): Promise<void> {
    for (const character of text) await this.#press(keysOf(character));
  }

  /** The keyboard holds about five keys (QEMU's PS2_QUEUE_SIZE) until the guest takes them. */
  async #press(keys: readonly string[]): Promise<void> {
    await this.#engine.monitor(this.#sessionId)?.execute('send-key', {
      keys: keys.map((data) => ({ type: 'qcode', data })),
      'hold-time': 12,
    });
    await pause(60);
  }
}

const NAMED: Readonly<Record<string, string>> = {
  ' ': 'spc',
  '\n': 'ret',
  '-': 'minus',
  '=': 'equal',
  '.': 'dot',
  ',': 'comma',
  '/': 'slash',
  ';': 'semicolon',
  "'": 'apostrophe',
  '[': 'bracket_left',
  ']': 'bracket_right',
  '\\': 'backslash',
  '`': 'grave_accent',
};
const SHIFTED: Readonly<Record<string, string>> = {
  '"': "'",
  '{': '[',
  '}': ']',
  '|': '\\',
  ':': ';',
  '<': ',',
  '>': '.',
  '?': '/',
  _: '-',
  '+': '=',
  '~': '`',
  '!': '1',
  '@': '2',
  '#': '3',
  $: '4',
  '%': '5',
  '^': '6',
  '&': '7',
  '*': '8',
  '(': '9',
  ')': '0',
};

/** On a US keyboard, which the demo guest has. */
function keysOf(character: string): string[] {
  const shifted = SHIFTED[character];
  if (shifted !== undefined) return ['shift', ...keysOf(shifted)];
  if (/[A-Z]/.test(character)) return ['shift', character.toLowerCase()];
  return [NAMED[character] ?? character];
}
