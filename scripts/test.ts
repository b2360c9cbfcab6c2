/**
 * The whole suite: the gate (`npm run check`), then every project of vitest.config.ts. Prints
 * `N passed, N failed` last. Arguments name projects (`npm test -- unit shell`); without any, all.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';

const PROJECTS = ['unit', 'component', 'shell', 'machine', 'campus'];

const Results = z.object({
  numPassedTests: z.int(),
  numPendingTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).optional(),
        }),
      ),
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
/** Said again at the end, where someone who sees only the last lines of a long log looks. */
const failures: string[] = [];

if (named.length === 0 || named.includes('check')) {
  console.log('== check');
  if (spawnSync(process.execPath, ['scripts/check.ts'], { stdio: 'inherit' }).status === 0)
    passed++;
  else fail('check: see above');
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
      fail(`${project}: no report was written`);
      continue;
    }
    passed += results.numPassedTests;
    skipped += results.numPendingTests;
    const failedBefore = failed;
    for (const file of results.testResults) {
      const name = relative(process.cwd(), file.name);
      const broken = file.assertionResults.filter((one) => one.status === 'failed');
      for (const one of broken) {
        fail(`${name}: ${one.fullName}`, ...(one.failureMessages ?? []));
      }
      // A file that cannot even load has no failed test, and is a failure.
      if (file.status === 'failed' && broken.length === 0) fail(name, file.message ?? '');
    }
    if (status !== 0 && failed === failedBefore) fail(`${project}: ended with ${status}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

for (const failure of failures) console.error(`failed: ${failure}`);
if (skipped > 0) console.log(`${skipped} skipped: each says why above`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

function fail(what: string, ...why: string[]): void {
  failed++;
  failures.push([what, ...why.map((reason) => reason.slice(0, 1500))].join('\n'));
}

function read(path: string): z.infer<typeof Results> | undefined {
  try {
    return Results.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    console.error(String(error));
    return undefined;
  }
}
