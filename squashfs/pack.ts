/**
 * `npm run squashfs`: a root file system, packed, signed and ready to be served or installed.
 *
 *   --profile vm|lab|full    which root file system (default vm); see rootfs-build/
 *   --arch amd64|arm64
 *   --rootfs FOLDER          one that is built already, by npm run rootfs
 *   --compressor NAME        zstd19 (default: small, takes minutes), zstd15, zstd3 (quick), xz, lz4
 *   --keys FOLDER            the institution's keys; made there when missing
 *                            (default .cache/boot-keys, for development)
 *   --settings FILE          the kiosk's settings, sealed into the initrd
 *   --ca FILE                the only authorities that an https boot server is believed from
 *   --server URL             a boot server, repeatable; without one the initrd asks DHCP
 *   --options TEXT           added to the kernel's command line
 *   --hosts FILE             lines `MAC|UUID|IPv4 options…`
 *   --out FOLDER             default .cache/boot/<hash of the inputs>
 *   --check-reproducible     builds the root file system and packs it once more, and compares
 *
 * Prints the folder as its last line.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseHosts } from './configurations.ts';
import { builtRootfs, repository } from './inputs.ts';
import { isCompressor, type PackOptions, pack } from './packing.ts';
import { packedAgain } from './reproducible.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'string', default: 'vm' },
    arch: { type: 'string', default: 'amd64' },
    rootfs: { type: 'string' },
    compressor: { type: 'string', default: 'zstd19' },
    keys: { type: 'string', default: `${repository}/.cache/boot-keys` },
    settings: { type: 'string' },
    ca: { type: 'string' },
    server: { type: 'string', multiple: true, default: [] },
    options: { type: 'string', default: '' },
    hosts: { type: 'string' },
    out: { type: 'string' },
    'check-reproducible': { type: 'boolean', default: false },
  },
});
const say = (text: string): void => console.error(`squashfs: ${text}`);

try {
  const { compressor, arch } = values;
  if (!isCompressor(compressor)) throw new Error(`there is no compressor ${compressor}`);
  if (arch !== 'amd64' && arch !== 'arm64') throw new Error(`there is no architecture ${arch}`);
  const rootfs = values.rootfs ?? (await builtRootfs(values.profile, arch, say));
  const options: PackOptions = {
    rootfs,
    architecture: arch,
    compressor,
    keys: values.keys,
    servers: values.server,
    options: values.options,
    hosts: values.hosts === undefined ? [] : parseHosts(await readFile(values.hosts, 'utf8')),
    ...(values.settings === undefined ? {} : { settings: await readFile(values.settings, 'utf8') }),
    ...(values.ca === undefined ? {} : { certificates: await readFile(values.ca, 'utf8') }),
    say,
  };
  const folder = await pack({
    ...options,
    ...(values.out === undefined ? {} : { out: values.out }),
  });
  if (values['check-reproducible']) {
    if (values.rootfs !== undefined)
      throw new Error('--check-reproducible builds the root file system: not with --rootfs');
    await packedAgain({ ...options, profile: values.profile }, folder);
    say('packed twice, from two builds: the same bytes');
  }
  console.log(folder);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
