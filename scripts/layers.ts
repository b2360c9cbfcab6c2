/**
 * Imports point down only (docs/architecture.md, "Layers"). Prints each import that does not, and
 * what to do instead; exits 1 if there was any.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Layer {
  readonly rank: number;
  readonly name: string;
  /** The unit inside the layer that may import itself; files of other units are out of bounds. */
  readonly unit: string;
}

const FEATURES = [
  'campus',
  'uicache',
  'people',
  'sessions',
  'images',
  'install',
  'device',
  'homes',
];
const SHELL = ['shell', 'bridge'];
const RUNTIME = ['jobs', 'settings', 'log', 'process', 'database', 'helper'];

function layerOf(path: string): Layer | undefined {
  const [top, second = ''] = path.split('/');
  if (top === 'renderer') return { rank: 1, name: 'renderer', unit: 'renderer' };
  if (top === 'preload') {
    return second === 'contract'
      ? { rank: 0, name: 'contract', unit: 'contract' }
      : { rank: 1, name: 'preload', unit: 'preload' };
  }
  if (top !== 'main') return undefined;
  if (second.endsWith('.ts')) return { rank: 6, name: 'entry', unit: 'entry' };
  if (SHELL.includes(second)) return { rank: 5, name: 'shell', unit: 'shell' };
  if (FEATURES.includes(second)) return { rank: 4, name: 'feature', unit: second };
  if (RUNTIME.includes(second)) return { rank: 3, name: 'runtime', unit: 'runtime' };
  if (second === 'base') return { rank: 2, name: 'base', unit: 'base' };
  return { rank: -1, name: `unknown folder main/${second}`, unit: second };
}

function judge(from: Layer, to: Layer | undefined, specifier: string): string | undefined {
  if (from.rank < 0) return `${from.name}: add it to a layer in scripts/layers.ts`;
  if (to === undefined)
    return `"${specifier}" is outside the product: main, preload and renderer import only each other`;
  if (from.unit === to.unit) return undefined;
  if (from.name === 'contract')
    return 'the contract is a leaf: move what it needs into preload/contract';
  if (from.name === 'renderer' || from.name === 'preload') {
    return to.name === 'contract'
      ? undefined
      : `${from.name} sees only preload/contract: ask for it through a call, or add one to the contract`;
  }
  if (to.name === 'renderer' || to.name === 'preload')
    return 'main sees only preload/contract of the page';
  if (from.name === 'feature' && to.name === 'feature') {
    return `features never import each other: declare a port in main/${from.unit} and wire it in main/app.ts`;
  }
  if (to.rank >= from.rank && to.name !== 'contract') {
    return `${from.name} may not import ${to.name}: move the shared part down, or pass it in from main/app.ts`;
  }
  return undefined;
}

const IMPORT =
  /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|new URL\(\s*['"](\.[^'"]+\.ts)['"]/gm;

let broken = 0;
for (const folder of ['main', 'preload', 'renderer']) {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
    const path = relative(root, join(entry.parentPath, entry.name));
    const from = layerOf(path);
    if (!from) continue;
    for (const match of readFileSync(join(root, path), 'utf8').matchAll(IMPORT)) {
      const specifier = match[1] ?? match[2] ?? match[3] ?? match[4] ?? '';
      if (!specifier.startsWith('.') || specifier.endsWith('.json')) continue;
      const problem = judge(from, layerOf(posix.join(posix.dirname(path), specifier)), specifier);
      if (problem === undefined) continue;
      broken++;
      console.error(`${path}: imports ${specifier}\n  ${problem}`);
    }
  }
}
if (broken > 0) {
  console.error(`layers: ${broken} imports point up or sideways`);
  process.exit(1);
}
console.log('layers: imports point down');
