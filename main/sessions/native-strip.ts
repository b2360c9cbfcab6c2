/**
 * The strip of the UI that stays above windows of other programs: its session bar. Such a window
 * would cover the UI, and a full-screen UI that is clicked would cover the window. So while one is
 * shown, the UI's window is of the type "desktop", below all others, and keeps its upper edge free
 * of them by a strut (Extended Window Manager Hints 1.5, `_NET_WM_STRUT`).
 */
import { UI_WINDOW_CLASS } from '../base/ui-window.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';

/** Moves windows and changes their states, which xdotool 3 cannot. */
const STATE_PROGRAM = 'wmctrl';
const SEARCH_PROGRAM = 'xdotool';
const PROPERTY_PROGRAM = 'xprop';

export interface StripOptions {
  readonly launcher: Launcher;
  /** False where the UI is a window among others: it has no upper edge of the screen. */
  readonly kiosk: boolean;
  readonly log: Logger;
}

export class NativeStrip {
  readonly #options: StripOptions;
  readonly #windows = new Set<object>();
  #height = 0;
  #last: Promise<void> = Promise.resolve();
  #programs: Promise<boolean> | undefined;

  constructor(options: StripOptions) {
    this.#options = options;
  }

  /** @param height of the session bar, in pixels of the screen; 0: the page shows none */
  set(height: number): void {
    if (height === this.#height) return;
    this.#height = height;
    if (this.#windows.size > 0) void this.#apply();
  }

  /** Whether windows leave the strip free: there is a bar, and the programs that it takes. */
  async available(): Promise<boolean> {
    if (!this.#options.kiosk || this.#height === 0) return false;
    this.#programs ??= this.#installed();
    return await this.#programs;
  }

  /**
   * A window is about to be shown.
   * @returns whether the strip is kept free: then {@link fit} the window
   */
  async enter(window: object): Promise<boolean> {
    if (!(await this.available())) return false;
    this.#windows.add(window);
    return await this.#apply();
  }

  /** A window was hidden or has ended. */
  async leave(window: object): Promise<void> {
    if (this.#windows.delete(window)) await this.#apply();
  }

  /**
   * Takes a window out of full screen, and makes it fill what the strip leaves.
   * @param id as `xdotool` names it
   * @param free removes a minimal size that the program wants for its window
   */
  async fit(id: string, free: boolean): Promise<void> {
    const { launcher } = this.#options;
    const change = (action: string): Promise<unknown> =>
      launcher.run({ program: STATE_PROGRAM, args: ['-i', '-r', id, '-b', action] });
    await change('remove,fullscreen');
    if (free) {
      await launcher.run({
        program: PROPERTY_PROGRAM,
        args: ['-id', id, '-remove', 'WM_NORMAL_HINTS'],
      });
    }
    await launcher.run({
      program: STATE_PROGRAM,
      args: ['-i', '-r', id, '-e', `0,0,${this.#height},-1,-1`],
    });
    await change('add,maximized_vert,maximized_horz');
  }

  async #installed(): Promise<boolean> {
    const answers = await Promise.all(
      [
        { program: STATE_PROGRAM, args: ['-m'] },
        { program: PROPERTY_PROGRAM, args: ['-version'] },
      ].map((command) =>
        this.#options.launcher.run(command).then(
          () => true,
          () => false,
        ),
      ),
    );
    return answers.every(Boolean);
  }

  /** One after the other; never rejects: without the strip the chord still leads out. */
  #apply(): Promise<boolean> {
    const work = this.#last.then(async () => {
      try {
        return await this.#give(this.#windows.size > 0);
      } catch (error) {
        this.#options.log.warn('the session bar could not be kept free', { error });
        return false;
      }
    });
    this.#last = work.then(() => {});
    return work;
  }

  async #give(below: boolean): Promise<boolean> {
    const { launcher } = this.#options;
    const { stdout } = await launcher.run({
      program: SEARCH_PROGRAM,
      args: ['search', '--onlyvisible', '--class', UI_WINDOW_CLASS],
      expect: [0, 1],
    });
    // The UI's window is the oldest of the shell's; web sessions have later ones.
    const [id] = stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort((a, b) => Number(a) - Number(b));
    if (id === undefined) return false;
    const set = (name: string, format: string, value: string): Promise<unknown> =>
      launcher.run({
        program: PROPERTY_PROGRAM,
        args: ['-id', id, '-f', name, format, '-set', name, value],
      });
    const strut = below ? this.#height : 0;
    await set('_NET_WM_STRUT', '32c', `0,0,${strut},0`);
    await set('_NET_WM_WINDOW_TYPE', '32a', `_NET_WM_WINDOW_TYPE_${below ? 'DESKTOP' : 'NORMAL'}`);
    // Openbox looks at a window's type again when this property changes, and only then.
    await set('WM_TRANSIENT_FOR', '32x', '0');
    await launcher.run({
      program: PROPERTY_PROGRAM,
      args: ['-id', id, '-remove', 'WM_TRANSIENT_FOR'],
    });
    return true;
  }
}
