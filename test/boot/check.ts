/** `npm run boot -- --check`: whole boots first, they take longest. */
import { DISKS } from './disks.ts';
import { FAULTS } from './faults.ts';
import { KIOSKS, SECURITY } from './kiosks.ts';
import { type CheckOptions, runScenarios } from './scenario.ts';

export async function checkBoots(options: CheckOptions): Promise<number> {
  return runScenarios([...KIOSKS, ...SECURITY, ...DISKS, ...FAULTS], options);
}
