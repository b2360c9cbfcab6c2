/** The viewer's window as a surface: given the screen, taken from it, and left by the chord. */
import type { Child, Launcher } from '../../process/launcher.ts';
import type { Surface } from '../engine.ts';
import { listenForChord } from '../native-chord.ts';
import { WINDOW_PROGRAM } from './xfreerdp.ts';

export interface ViewerWindow {
  readonly surface: Extract<Surface, { type: 'view' | 'native' }>;
  /** Nobody listens for the chord any more. */
  close(): Promise<void>;
}

/** Showing and hiding follow each other in the order in which they were asked for. */
export function openWindow(
  launcher: Launcher,
  windowClass: string,
  onChord: () => void,
): ViewerWindow {
  let listener: Child | undefined;
  let closed = false;
  let last: Promise<void> = Promise.resolve();
  const enqueue = (work: () => Promise<void>): Promise<void> => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
  const act = async (...what: readonly string[]): Promise<void> => {
    await launcher.run({
      program: WINDOW_PROGRAM,
      args: ['search', '--class', windowClass, ...what],
    });
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
          await act('windowactivate');
        }),
      hide: () =>
        enqueue(async () => {
          await silence();
          if (!closed) await act('windowminimize', '%@');
        }),
    },
    close: () => {
      closed = true;
      return enqueue(silence);
    },
  };
}
