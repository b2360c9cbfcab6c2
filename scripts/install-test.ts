/**
 * `npm run test:install`: computers in QEMU that start from disks which the installation wrote,
 * and a kiosk that installs itself. Prints each result, and `N passed, N failed` last.
 *
 *   --self-install      also the real kiosk that installs itself from the network (ten minutes and
 *                       more under emulation; it has not been seen to pass yet)
 *   --packed FOLDER     what `npm run squashfs` made; else it is made
 *   --only TEXT         scenarios whose name holds it
 *   --results FOLDER    logs and pictures
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { builtRootfs, repository } from '../squashfs/inputs.ts';
import { pack } from '../squashfs/packing.ts';
import { DISKS } from '../test/boot/disk.ts';
import { runScenarios } from '../test/boot/scenario.ts';
import { SELF_INSTALLS } from '../test/boot/self-install.ts';

const { values } = parseArgs({
  options: {
    'self-install': { type: 'boolean', default: false },
    packed: { type: 'string' },
    only: { type: 'string' },
    results: { type: 'string' },
  },
});
const keys = join(repository, '.cache', 'boot-keys');
const say = (text: string): void => console.error(`install: ${text}`);
const folder = await mkdtemp(join(tmpdir(), 'vst-'));
let code = 1;
try {
  const packed =
    values.packed ??
    (await pack({
      rootfs: await builtRootfs('vm', 'amd64', say),
      architecture: 'amd64',
      compressor: 'zstd3',
      keys,
      servers: [],
      options: '',
      hosts: [],
      say,
    }));
  const { only, results } = values;
  const scenarios = [...DISKS, ...(values['self-install'] ? SELF_INSTALLS : [])];
  code = await runScenarios(scenarios, {
    packed,
    keys,
    folder,
    only,
    results,
    say,
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);
