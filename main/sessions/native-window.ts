/** A viewer's window as a surface: given the screen, taken from it, and left by the chord. */
import type { Child, Launcher } from '../process/launcher.ts';
import type { Surface } from './engine.ts';
import { listenForChord } from './native-chord.ts';
import type { NativeStrip } from './native-strip.ts';

/** Finds, raises and minimizes windows by EWMH. */
export const WINDOW_PROGRAM = 'xdotool';

/** How `xdotool` names the window: by its class, or by its id. */
export type WindowName = { readonly class: string } | { readonly id: string };

export interface ViewerWindow {
  readonly surface: Extract<Surface, { type: 'view' | 'native' }>;
  /** Nobody listens for the chord any more. */
  close(): Promise<void>;
}

export interface WindowOptions {
  readonly launcher: Launcher;
  readonly name: WindowName;
  readonly onChord: () => void;
  /** Leaves the session bar free; undefined: it covers everything. */
  readonly strip: NativeStrip | undefined;
  /** The program wants at least the whole screen for its window, and is not asked. */
  readonly anySize: boolean;
}

/** Showing and hiding follow each other in the order in which they were asked for. */
export function openWindow(options: WindowOptions): ViewerWindow {
  const { launcher, name, onChord, strip } = options;
  const token = {};
  let fitted = false;
  let listener: Child | undefined;
  let closed = false;
  let last: Promise<void> = Promise.resolve();
  const enqueue = (work: () => Promise<void>): Promise<void> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
  const act = async (action: 'windowactivate' | 'windowminimize'): Promise<void> => {
    // A class may have several windows: one gets the screen, all of them leave it.
    const which = action === 'windowactivate' ? '%1' : '%@';
    const args =
      'class' in name ? ['search', '--class', name.class, action, which] : [action, name.id];
    await launcher.run({ program: WINDOW_PROGRAM, args });
  };
  const fill = async (): Promise<void> => {
    const ids =
      'id' in name
        ? [name.id]
        : (
            await launcher.run({
              program: WINDOW_PROGRAM,
              args: ['search', '--onlyvisible', '--class', name.class],
            })
          ).stdout.split('\n');
    for (const id of ids) if (id !== '') await strip?.fit(id, options.anySize);
  };
  const silence = async (): Promise<void> => {
    await listener?.stop();
    listener = undefined;
  };
  return {
    surface: {
      type: 'native',
      show: () =>
        enqueue(async () => {
          if (closed) return;
          // First the way out, then the window that needs it.
          listener ??= await listenForChord(launcher, onChord);
          const free = (await strip?.enter(token)) ?? false;
          await act('windowactivate');
          if (free && !fitted) {
            await fill();
            fitted = true;
          }
        }),
      hide: () =>
        enqueue(async () => {
          await silence();
          if (!closed) await act('windowminimize');
          await strip?.leave(token);
        }),
    },
    close: () => {
      closed = true;
      return enqueue(async () => {
        await silence();
        await strip?.leave(token);
      });
    },
  };
}
