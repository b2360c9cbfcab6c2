/**
 * `npm run bench` runs every benchmark and writes docs/benchmarks.md; `npm run bench -- vm sync`
 * runs those named. Each benchmark prints a table and, as its last line, one JSON object.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { z } from 'zod';

const Last = z.looseObject({ bench: z.string(), ok: z.boolean() });

const folder = new URL('../test/bench/', import.meta.url);
/** In the order of a person's day: the screen comes up, a machine starts, images arrive. */
const all = ['start', 'memory', 'sync', 'vm', 'store', 'multicast', 'remote'];
/** What `remote` is made of, to be run alone; and `boot`, which packs and boots for most of an hour. */
const parts = ['remote-spice', 'remote-rdp', 'boot'];
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const unknown = named.filter((name) => ![...all, ...parts].includes(name));
if (unknown.length > 0) {
  console.error(
    `no such benchmark: ${unknown.join(', ')} (there are ${[...all, ...parts].join(', ')})`,
  );
  process.exit(2);
}

const sections: string[] = [];
let bad = 0;
for (const name of named.length > 0 ? named : all) {
  const script = new URL(`${name}.ts`, folder);
  const run = spawnSync(process.execPath, [script.pathname], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  process.stdout.write(run.stdout);
  const lines = run.stdout.trimEnd().split('\n');
  const last = parse(lines.at(-1) ?? '');
  if (run.status !== 0 || last?.ok !== true) bad++;
  sections.push(`## ${name}\n\n\`\`\`\n${run.stdout.trimEnd()}\n\`\`\`\n`);
}

if (named.length === 0) {
  writeFileSync(
    new URL('../docs/benchmarks.md', import.meta.url),
    `# Benchmarks\n\nWritten by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, software emulation (TCG) where KVM is not usable. Machines are noisy: every figure is a ratio against a named peer in the same run, and absolute times mean nothing elsewhere. The last line of each is what a program reads: \`ok\` says whether the goal was met.\n\n${sections.join('\n')}`,
  );
}
process.exit(bad === 0 ? 0 : 1);

function parse(line: string): z.infer<typeof Last> | undefined {
  try {
    return Last.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
