/**
 * `npm run test:install`: computers in QEMU that start from disks which the installation wrote.
 * Prints each result, and `N passed, N failed` last. Their systems are small; kernel and initrd are
 * made in a minute, a root file system is not needed.
 *
 *   --kiosk             instead: the real kiosk that installs itself from the network, is updated and
 *                       returns (half an hour under emulation, and what `npm run squashfs` takes)
 *   --packed FOLDER     what `npm run squashfs` made, for --kiosk; else it is made
 *   --keys FOLDER       the keys that it was made with
 *   --cuts N            power cuts at N moments of each phase of installation and update (default 4)
 *   --seed N            which moments (default: always the same ones)
 *   --at-once N         scenarios at once (default 2)
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
import { KIOSK_INSTALLS } from '../test/boot/kiosk-install.ts';
import { powerCuts } from '../test/boot/power-cuts.ts';
import { runScenarios } from '../test/boot/scenario.ts';
import { packSmall } from '../test/boot/small-packed.ts';

const { values } = parseArgs({
  options: {
    kiosk: { type: 'boolean', default: false },
    packed: { type: 'string' },
    keys: { type: 'string', default: join(repository, '.cache', 'boot-keys') },
    cuts: { type: 'string', default: '4' },
    seed: { type: 'string', default: '20261121' },
    'at-once': { type: 'string', default: '2' },
    only: { type: 'string' },
    results: { type: 'string' },
  },
});
const { keys } = values;
const say = (text: string): void => console.error(`install: ${text}`);
const folder = await mkdtemp(join(tmpdir(), 'vst-'));
let code = 1;
try {
  const { only, results } = values;
  const cuts = powerCuts({ seed: Number(values.seed), cuts: Number(values.cuts) });
  const atOnce = Number(values['at-once']);
  const common = {
    keys,
    folder,
    only,
    results,
    say,
    atOnce,
    rootfs: undefined,
    set: 'all' as const,
  };
  code = values.kiosk
    ? await runScenarios(KIOSK_INSTALLS, {
        ...common,
        packed: values.packed ?? (await packKiosk()),
      })
    : await runScenarios([...DISKS, ...cuts], { ...common, packed: await packSmall(keys, say) });
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);

async function packKiosk(): Promise<string> {
  return pack({
    rootfs: await builtRootfs('vm', 'amd64', say),
    architecture: 'amd64',
    compressor: 'zstd3',
    keys,
    servers: [],
    options: '',
    hosts: [],
    say,
  });
}
