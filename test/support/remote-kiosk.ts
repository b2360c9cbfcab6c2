/** The built kiosk on a display, with a campus whose catalogue has remote desktops. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type KioskProcess, startKioskProcess } from '../../scripts/kiosk-process.ts';
import { startCampus } from '../campus/server/campus.ts';
import { buildDemoCampus, type DemoCampusOptions } from '../campus/server/demo.ts';
import type { Display } from './display.ts';
import { KioskDriver } from './kiosk-driver.ts';

const root = join(fileURLToPath(import.meta.url), '..', '..', '..');

export interface RemoteKiosk {
  readonly kiosk: KioskProcess;
  readonly driver: KioskDriver;

  stop(): Promise<void>;
}

/**
 * @param options.folder empty and short: unix socket paths have 107 bytes
 * @throws Error where the product is not built (`npm run build`)
 */
export async function startRemoteKiosk(
  options: { readonly folder: string; readonly screen: Display } & Pick<
    DemoCampusOptions,
    'entries' | 'rdp' | 'spice'
  >,
): Promise<RemoteKiosk> {
  const { folder, screen, ...catalogue } = options;
  const www = join(folder, 'www');
  mkdirSync(www);
  const campus = await startCampus({ folder: www });
  const content = await buildDemoCampus({
    folder,
    webUrl: campus.url,
    images: [],
    uiFolder: join(root, 'dist', 'renderer'),
    hostname: hostname(),
    ...catalogue,
  });
  const settingsFile = join(folder, 'settings.json');
  writeFileSync(
    settingsFile,
    JSON.stringify({ 'campus.servers': [campus.url], 'campus.keys': [content.trustedKey] }),
  );
  const runtimeFolder = join(folder, 'run');
  const kiosk = startKioskProcess({
    settingsFile,
    dataFolder: join(folder, 'data'),
    runtimeFolder,
    windowed: false,
    developer: true,
    env: screen.env,
    say: () => {},
  });
  const driver = new KioskDriver(runtimeFolder);
  const stop = async (): Promise<void> => {
    await driver.disconnect();
    await kiosk.stop();
    await campus.stop();
  };
  try {
    await driver.connect();
  } catch (error) {
    await stop();
    throw error;
  }
  return { kiosk, driver, stop };
}
