/** The whole gate: types, lint and format, layers, nothing unused. Each failure says what to do. */
import { spawnSync } from 'node:child_process';

const STEPS: readonly (readonly [what: string, command: string, remedy: string])[] = [
  ['types of main', 'tsc -p tsconfig.json', 'mend the type errors above'],
  ['types of the page', 'tsc -p tsconfig.web.json', 'mend the type errors above'],
  ['types of tests', 'tsc -p tsconfig.test.json', 'mend the type errors above'],
  [
    'lint and format',
    'biome check --error-on-warnings .',
    'npm run format, then mend what is left',
  ],
  ['layers', `${process.execPath} scripts/layers.ts`, 'imports point down: docs/architecture.md'],
  ['nothing unused', 'knip', 'remove it, or use it'],
];

let bad = 0;
for (const [what, command, remedy] of STEPS) {
  const { status } = spawnSync('sh', ['-c', command], { stdio: 'inherit' });
  console.log(status === 0 ? `ok      ${what}` : `FAILED  ${what}: ${remedy}`);
  if (status !== 0) bad++;
}
process.exit(bad === 0 ? 0 : 1);
