/**
 * The return chord above windows of other programs. Such a window takes the whole keyboard, so
 * the keys are heard beside it: raw events of XInput 2 reach every listener whatever is grabbed.
 * They are heard only while such a window has the screen, and compared, never kept.
 */
import { createInterface } from 'node:readline';
import type { Child, Launcher } from '../process/launcher.ts';

export const CHORD_PROGRAM = 'xinput';

/** X keycodes of evdev keyboards: the key's code in linux/input-event-codes.h and 8. */
const CONTROL: readonly number[] = [37, 105];
const ALT = 64;
const HOME = 110;
const RAW_EVENT = /^EVENT type \d+ \(Raw(KeyPress|KeyRelease|\w+)\)/;
const DETAIL = /^\s+detail: (\d+)$/;

/** Reads `xinput test-xi2`, line by line, and tells each Ctrl+Alt+Home. */
export class ChordReader {
  readonly #held = new Set<number>();
  #event: string | undefined;

  /** True when this line completes the chord. */
  read(line: string): boolean {
    if (line.startsWith('EVENT')) {
      this.#event = RAW_EVENT.exec(line)?.[1];
      return false;
    }
    const detail = DETAIL.exec(line)?.[1];
    const event = this.#event;
    if (detail === undefined || event === undefined) return false;
    this.#event = undefined;
    const key = Number(detail);
    if (event === 'KeyRelease') this.#held.delete(key);
    if (event !== 'KeyPress') return false;
    this.#held.add(key);
    return key === HOME && this.#held.has(ALT) && CONTROL.some((each) => this.#held.has(each));
  }
}

/**
 * Listens until the returned child is stopped.
 * @throws KioskError `PROGRAM_MISSING`, `PROGRAM_FAILED`
 */
export async function listenForChord(launcher: Launcher, onChord: () => void): Promise<Child> {
  const child = await launcher.launch({ program: CHORD_PROGRAM, args: ['test-xi2', '--root'] });
  child.stderr.resume();
  const reader = new ChordReader();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (reader.read(line)) onChord();
  });
  return child;
}
