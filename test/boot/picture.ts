/**
 * Compares a screen with the one that is kept, in the parts that do not change from boot to boot
 * (clocks, names of computers and notices do).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Machine } from '../../squashfs/machine.ts';

const run = promisify(execFile);

/** `WIDTHxHEIGHT+X+Y`, for a screen of 1280 by 800. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  'sign-in': ['700x60+0+0', '520x480+380+80'],
  home: ['240x60+0+0', '620x300+0+150', '600x60+680+735'],
  session: ['700x170+290+50'],
  offline: ['240x60+0+0', '620x260+0+190', '600x60+680+735'],
};
/** Of the pixels of a part. Another version of the browser draws letters a little differently. */
const MAY_DIFFER = 0.03;

/** What was just asked for may take a while to be drawn under emulation. */
const TRIES = 24;
const PAUSE_MS = 5_000;

/**
 * Takes pictures until one is like the one that is kept.
 *
 * @param name of a picture in screens/, which is taken where it is missing
 * @throws Error that names the part
 */
export async function expectScreen(machine: Machine, file: string, name: string): Promise<void> {
  for (let left = TRIES; ; left--) {
    await sleep(PAUSE_MS);
    await machine.screenshot(file);
    try {
      await expectLike(file, name);
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function expectLike(file: string, name: string): Promise<void> {
  const kept = join(import.meta.dirname, 'screens', `${name}.png`);
  if (!existsSync(kept)) {
    if (process.env.CI) throw new Error(`there is no ${kept}: take it, look at it, and keep it`);
    await copyFile(file, kept);
    return;
  }
  for (const part of PARTS[name] ?? []) {
    const [width = 0, height = 0] = part.split(/[x+]/).map(Number);
    const crop = ['-crop', part, '+repage'];
    // compare exits with 1 where pictures differ, and prints the number of pixels.
    const { stderr } = await run('compare', [
      ...['-metric', 'AE', '-fuzz', '12%', '(', file, ...crop, ')', '(', kept, ...crop, ')'],
      'null:',
    ]).catch((error: { stderr?: string }) => ({ stderr: error.stderr ?? '' }));
    const different = Number.parseFloat(stderr);
    if (!(different <= width * height * MAY_DIFFER))
      throw new Error(`the screen is not as kept (${name}, part ${part}): ${stderr.trim()} pixels`);
  }
}
