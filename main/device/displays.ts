/** The screens as the X server has them. */
import type { DeviceFacts } from '../../preload/contract/model.ts';
import type { Launcher } from '../process/launcher.ts';

type Display = DeviceFacts['displays'][number];

/**
 * `eDP-1 connected primary 1920x1080+0+0 (normal …) 344mm x 193mm`, one a line (xrandr(1)).
 * A connected output without a geometry is switched off and not listed.
 */
export function parseXrandr(text: string): Display[] {
  const displays: Display[] = [];
  for (const line of text.split('\n')) {
    const [, name, width, height] =
      /^(\S+) connected (?:primary )?(\d{1,6})x(\d{1,6})\+\d+\+\d+/.exec(line) ?? [];
    if (name !== undefined) displays.push({ name, width: Number(width), height: Number(height) });
  }
  return displays;
}

/** The screens in use; none where there is no X server to ask. */
export async function readDisplays(launcher: Launcher, signal: AbortSignal): Promise<Display[]> {
  const { stdout } = await launcher.run({ program: 'xrandr', args: ['--query'], signal });
  return parseXrandr(stdout);
}
