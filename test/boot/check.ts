/** `npm run boot -- --check`: whole boots first, they take longest. */
import { DISKS } from './disks.ts';
import { FAULTS } from './faults.ts';
import { KIOSKS, SECURITY } from './kiosks.ts';
import { type CheckOptions, runScenarios } from './scenario.ts';
import { TWICE } from './twice.ts';

export async function checkBoots(options: CheckOptions): Promise<number> {
  return runScenarios([...KIOSKS, TWICE, ...SECURITY, ...DISKS, ...FAULTS], options);
}
