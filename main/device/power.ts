/** Switching the computer off, starting it again, letting it sleep: as policy and system allow. */
import { KioskError } from '../base/errors.ts';
import type { HelperClient } from '../helper/client.ts';
import { systemdPower } from '../helper/power.ts';
import type { PowerAction } from '../helper/protocol.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';

export interface PowerOptions {
  readonly launcher: Launcher;
  /** What policy allows (`power.actions`); read at each use. */
  readonly allowed: () => readonly PowerAction[];
  readonly helper: HelperClient;
  /** Called once it is sure that someone will do it, and before that (sessions are ended here). */
  readonly before?: () => Promise<void>;
  readonly log: Logger;
  /** busctl and systemctl, or what stands in for them in tests. */
  readonly programs?: { readonly busctl: string; readonly systemctl: string };
}

export interface Power {
  /**
   * Resolves when the system has accepted it; it then ends us like every other program.
   * @throws KioskError `POWER_REFUSED` with the sentence to show
   */
  act(action: PowerAction): Promise<void>;
}

/** Methods of org.freedesktop.login1.Manager (org.freedesktop.login1(5)) that answer yes or no. */
const QUESTIONS: Readonly<Record<PowerAction, string>> = {
  shutdown: 'CanPowerOff',
  restart: 'CanReboot',
  suspend: 'CanSuspend',
};

/** Refuses what the settings do not allow; the helper acts where this process may not. */
export function createPower(options: PowerOptions): Power {
  const { launcher, allowed, helper, log } = options;
  const { busctl, systemctl } = options.programs ?? { busctl: 'busctl', systemctl: 'systemctl' };

  /** logind lets the person at the seat do it, where polkit says so; `challenge` asks for a password. */
  async function mayAskLogind(action: PowerAction): Promise<boolean> {
    const service = 'org.freedesktop.login1';
    const { stdout } = await launcher.run({
      program: busctl,
      args: ['call', service, '/org/freedesktop/login1', `${service}.Manager`, QUESTIONS[action]],
      signal: AbortSignal.timeout(5_000),
    });
    return /^s "yes"\s*$/.test(stdout);
  }

  async function attempt(name: string, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      log.info(`Power: ${name} does not do it.`, { error });
      return false;
    }
  }

  function refused(reason: 'policy' | 'system', action: PowerAction): KioskError {
    const message =
      reason === 'policy'
        ? 'The campus does not allow this on its computers.'
        : 'This computer does not let the kiosk do that.';
    return new KioskError('POWER_REFUSED', message, { details: { action, reason } });
  }

  return {
    async act(action) {
      if (!allowed().includes(action)) throw refused('policy', action);
      const byLogind = await attempt('logind', () => mayAskLogind(action));
      const byHelper = await helper.reachable();
      if (!byLogind && !byHelper) throw refused('system', action);
      log.info('Power.', { action });
      await options.before?.();
      const done =
        (byLogind &&
          (await attempt('logind', async () => {
            await systemdPower(launcher, action, systemctl);
            return true;
          }))) ||
        (byHelper &&
          (await attempt('the root helper', async () => {
            await helper.call('power', { action });
            return true;
          })));
      if (!done) throw refused('system', action);
    },
  };
}
