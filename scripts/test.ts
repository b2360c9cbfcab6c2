/**
 * The whole suite: the gate (`npm run check`), then every project of vitest.config.ts. Prints
 * `N passed, N failed` last. Arguments name projects (`npm test -- unit shell`); without any, all.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const PROJECTS = ['unit', 'component', 'shell', 'machine', 'campus'];

const Results = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numFailedTestSuites: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

const named = process.argv.slice(2);
const unknown = named.filter((name) => !PROJECTS.includes(name) && name !== 'check');
if (unknown.length > 0) {
  console.error(`no such project: ${unknown.join(', ')} (there are check, ${PROJECTS.join(', ')})`);
  process.exit(2);
}
const chosen = named.length > 0 ? PROJECTS.filter((name) => named.includes(name)) : PROJECTS;

let passed = 0;
let failed = 0;
let skipped = 0;

if (named.length === 0 || named.includes('check')) {
  console.log('== check');
  if (spawnSync(process.execPath, ['scripts/check.ts'], { stdio: 'inherit' }).status === 0)
    passed++;
  else failed++;
}

const folder = mkdtempSync(join(tmpdir(), 'vestibule-test-'));
try {
  for (const project of chosen) {
    console.log(`== ${project}`);
    const report = join(folder, `${project}.json`);
    const { status } = spawnSync(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        'run',
        `--project=${project}`,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ],
      { stdio: 'inherit' },
    );
    const results = read(report);
    if (!results) {
      console.error(`${project}: no report was written`);
      failed++;
      continue;
    }
    passed += results.numPassedTests;
    skipped += results.numPendingTests;
    // A file that cannot even load has no failed test, and is a failure.
    const broken = results.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && assertionResults.every((one) => one.status !== 'failed'),
    ).length;
    failed += results.numFailedTests + broken;
    if (status !== 0 && results.numFailedTests + broken === 0) failed++;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

if (skipped > 0) console.log(`${skipped} skipped: each says why above`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

function read(path: string): z.infer<typeof Results> | undefined {
  try {
    return Results.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    console.error(String(error));
    return undefined;
  }
}
