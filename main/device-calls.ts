/** The administrator's questions about the computer, answered from the features that know. */
import { join } from 'node:path';
import type { Versions } from '../preload/contract/model.ts';
import type { DeviceCalls } from './bridge/handlers.ts';
import type { Campus } from './campus/api.ts';
import { createFactsReader } from './device/facts.ts';
import { checkNetwork } from './device/network-check.ts';
import { createPower } from './device/power.ts';
import { measureStorage } from './device/storage.ts';
import { readVersions } from './device/versions.ts';
import type { Virtualization } from './device/virtualization.ts';
import type { HelperClient } from './helper/client.ts';
import type { Logger } from './log/logger.ts';
import type { Launcher } from './process/launcher.ts';
import type { Settings } from './settings/settings.ts';

/** Folders below the data folder, as the storage screen lists them. */
const PARTS = ['ui', 'pages', 'images', 'machines', 'log'] as const;

export interface DeviceCallsOptions {
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly campus: Campus;
  readonly dataFolder: string;
  readonly helper: HelperClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Found by running a guest, not by looking. */
  readonly virtualization: () => Promise<Virtualization>;
  readonly own: () => Pick<Versions, 'vestibule' | 'shell' | 'ui' | 'manifest'>;
  /** Ends what must not be cut off. */
  readonly beforePower: () => Promise<void>;
}

/** Facts, checks, versions, storage and power, as the page and the campus ask for them. */
export function createDeviceCalls(options: DeviceCallsOptions): DeviceCalls {
  const { launcher, settings, campus, dataFolder, signal } = options;
  const facts = createFactsReader({ launcher, virtualization: options.virtualization });
  const power = createPower({
    launcher,
    allowed: () => settings.get('power.actions'),
    helper: options.helper,
    before: options.beforePower,
    log: options.log,
  });
  return {
    facts: () => facts.read(),
    networkCheck: () =>
      checkNetwork({
        campus: {
          servers: () => settings.get('campus.servers').map(({ url }) => url),
          ask: async (server, signal) => {
            const { status, headers } = await campus.http.fetchPage({
              url: new URL('manifest.json', server).href,
              method: 'HEAD',
              headers: { 'cache-control': 'no-cache' },
              signal,
              maxBytes: 0,
            });
            return { status, date: headers.date };
          },
        },
      }),
    storage: () =>
      measureStorage({
        dataFolder,
        parts: PARTS.map((id) => ({ id, path: join(dataFolder, id) })),
        signal,
      }),
    versions: () => readVersions(launcher, options.own()),
    power: (action) => power.act(action),
  };
}
