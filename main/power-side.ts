/** What the computer does by itself when nobody is there: settings, people and sessions meet. */
import { createPower } from './device/power.ts';
import { watchPower } from './device/power-watch.ts';
import { createHelperClient } from './helper/client.ts';
import type { Logger } from './log/logger.ts';
import type { Launcher } from './process/launcher.ts';
import type { Settings } from './settings/settings.ts';

export interface PowerSideOptions {
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly occupied: () => boolean;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Runs until the signal. */
export function startPowerSide({
  launcher,
  settings,
  occupied,
  signal,
  log,
}: PowerSideOptions): void {
  const power = createPower({
    launcher,
    // What people may do from the screen is another matter than what the room's timetable does.
    allowed: () => ['shutdown', 'restart', 'suspend'],
    helper: createHelperClient(),
    log,
  });
  void watchPower(
    {
      policy: () => ({
        idleMinutes: settings.get('power.idleMinutes'),
        idleAction: settings.get('power.idleAction'),
        openHours: settings.get('power.openHours'),
        restartAt: settings.get('power.restartAt'),
      }),
      occupied,
      inputIdleMs: async () => {
        const { stdout } = await launcher.run({
          program: 'xprintidle',
          args: [],
          signal: AbortSignal.timeout(5_000),
        });
        const idle = Number(stdout);
        return Number.isFinite(idle) && stdout.trim() !== '' ? idle : undefined;
      },
      act: (action) => power.act(action),
      log,
    },
    signal,
  );
}
