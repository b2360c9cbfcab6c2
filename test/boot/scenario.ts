/** What a scenario of `npm run boot -- --check` gets, and how several run. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Machine, type MachineOptions, startMachine } from '../../squashfs/machine.ts';

export interface Bench {
  /** What `npm run squashfs` made. */
  readonly packed: string;
  /** What `npm run rootfs` made; undefined where the packed folder was given. */
  readonly rootfs: string | undefined;
  /** The folder of its keys. */
  readonly keys: string;
  /** This scenario's own, short. */
  readonly folder: string;
  start(options: Omit<MachineOptions, 'folder'>): Promise<Machine>;
  /** Something to undo at the end, last first. */
  defer(undo: () => Promise<void>): void;
  /** Where a picture is kept. */
  picture(name: string): string;
  /** A figure for the report: `name: value`. */
  note(text: string): void;
}

export interface Scenario {
  readonly name: string;
  /** In the set `ci`: what the product promises, once, and each fault, once. */
  readonly ci?: true;
  /** Why it cannot run here. */
  readonly obstacle?: (options: CheckOptions) => string | undefined;
  run(bench: Bench): Promise<void>;
}

/** `ci`: those that are marked so. */
export type ScenarioSet = 'all' | 'ci';

export interface CheckOptions {
  readonly packed: string;
  readonly rootfs: string | undefined;
  readonly set: ScenarioSet;
  readonly keys: string;
  readonly folder: string;
  readonly only: string | undefined;
  /** Logs and pictures; kept. */
  readonly results: string | undefined;
  readonly say: (text: string) => void;
  /** How many scenarios at once; default 2. */
  readonly atOnce?: number;
}

/** At once: an emulated boot keeps about one processor busy. */
const AT_ONCE = 2;

/** Runs them, prints each result, and `N passed, N failed` last. @returns the exit code */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: CheckOptions,
): Promise<number> {
  const results = options.results ?? join(options.folder, 'results');
  await mkdir(results, { recursive: true });
  const chosen = scenarios.filter(
    ({ name, ci }) => name.includes(options.only ?? '') && (options.set === 'all' || ci),
  );
  const started = performance.now();
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const queue = [...chosen];
  const worker = async (): Promise<void> => {
    for (let scenario = queue.shift(); scenario; scenario = queue.shift()) {
      const obstacle = scenario.obstacle?.(options);
      if (obstacle !== undefined) {
        skipped++;
        console.log(`skipped ${scenario.name}: ${obstacle}`);
        continue;
      }
      const from = performance.now();
      const notes: string[] = [];
      const problem = await runOne(scenario, options, results, notes);
      const seconds = Math.round((performance.now() - from) / 1000);
      const figures = notes.length > 0 ? `; ${notes.join('; ')}` : '';
      if (problem === undefined) {
        passed++;
        console.log(`ok      ${scenario.name} (${seconds} s${figures})`);
      } else {
        failed++;
        console.log(`FAILED  ${scenario.name} (${seconds} s${figures}): ${problem}`);
      }
    }
  };
  await Promise.all(Array.from({ length: options.atOnce ?? AT_ONCE }, worker));
  options.say(
    `${chosen.length} scenarios in ${Math.round((performance.now() - started) / 1000)} s`,
  );
  const also = skipped > 0 ? `${skipped} skipped, ` : '';
  console.log(`${also}${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

async function runOne(
  scenario: Scenario,
  options: CheckOptions,
  results: string,
  notes: string[],
): Promise<string | undefined> {
  const undo: (() => Promise<void>)[] = [];
  const machines: Machine[] = [];
  const title = scenario.name.replaceAll(/[^\w]+/g, '-');
  const folder = await mkdtemp(join(options.folder, 's-'));
  let problem: string | undefined;
  try {
    await scenario.run({
      packed: options.packed,
      rootfs: options.rootfs,
      keys: options.keys,
      folder,
      async start(machine) {
        const own = await mkdtemp(join(folder, 'm-'));
        const started = await startMachine({ ...machine, folder: own });
        machines.push(started);
        return started;
      },
      defer: (action) => void undo.push(action),
      picture: (name) => join(results, `${title}-${name}.png`),
      note: (text) => void notes.push(text),
    });
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
    const [last] = machines.slice(-1);
    if (last?.running) await last.screenshot(join(results, `${title}-failed.png`)).catch(() => {});
  }
  for (const machine of machines) await machine.stop();
  for (const action of undo.reverse()) await action();
  for (const [index, machine] of machines.entries())
    await writeFile(join(results, `${title}${index > 0 ? `-${index}` : ''}.log`), machine.log);
  await rm(folder, { recursive: true, force: true });
  return problem;
}
