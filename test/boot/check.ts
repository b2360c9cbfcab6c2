/** `npm run boot -- --check`. */
import { FAULTS } from './faults.ts';
import { type CheckOptions, runScenarios } from './scenario.ts';

export async function checkBoots(options: CheckOptions): Promise<number> {
  return runScenarios([...FAULTS], options);
}
