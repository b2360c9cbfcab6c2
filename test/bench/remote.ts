/**
 * `npm run bench -- remote`: remote desktops over SPICE and over RDP, each engine beside the same
 * client without us. The parts are benchmarks of their own, `remote-spice` and `remote-rdp`.
 */
import { spawnSync } from 'node:child_process';
import { z } from 'zod';
import { printResult } from './report.ts';

const Last = z.looseObject({
  bench: z.string(),
  ok: z.boolean(),
  ratio: z.number(),
  goal: z.number(),
});

const results = ['remote-spice', 'remote-rdp'].map((part) => {
  const script = new URL(`${part}.ts`, import.meta.url).pathname;
  const run = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 16 * 1024 * 1024,
  });
  const lines = run.stdout.trimEnd().split('\n');
  const last = lines.pop() ?? '';
  console.log(`${part}\n${lines.join('\n')}\n`);
  if (run.status !== 0) throw new Error(`${part} ended with ${run.status}`);
  return Last.parse(JSON.parse(last));
});

// Of goals that differ, the one that is furthest from being met.
const worst = results.reduce((one, other) =>
  other.ratio / other.goal < one.ratio / one.goal ? other : one,
);
const figures = results.flatMap(({ bench, ok: _ok, goal: _goal, ...rest }) =>
  Object.entries(rest).map(([name, value]): [string, string | number | boolean] => [
    `${bench.replace('remote-', '')}.${name}`,
    z.union([z.string(), z.number(), z.boolean()]).parse(value),
  ]),
);
printResult({
  bench: 'remote',
  ratio: worst.ratio,
  goal: worst.goal,
  ok: results.every(({ ok }) => ok),
  ...Object.fromEntries(figures),
});
