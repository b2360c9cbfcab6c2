/**
 * `npm run squashfs`: a root file system, packed, signed and ready to be served or installed.
 *
 *   --profile vm|lab|full    which root file system (default vm); see rootfs-build/
 *   --arch amd64|arm64
 *   --rootfs FOLDER          one that is built already, by npm run rootfs
 *   --compressor NAME        zstd3 (default), zstd15, zstd19, xz, lz4
 *   --keys FOLDER            the institution's keys; made there when missing
 *                            (default .cache/boot-keys, for development)
 *   --settings FILE          the kiosk's settings, sealed into the initrd
 *   --ca FILE                the only authorities that an https boot server is believed from
 *   --server URL             a boot server, repeatable; without one the initrd asks DHCP
 *   --options TEXT           added to the kernel's command line
 *   --hosts FILE             lines `MAC|UUID|IPv4 options…`
 *   --out FOLDER             default .cache/boot/<hash of the inputs>
 *
 * Prints the folder as its last line.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseHosts } from './configurations.ts';
import { builtRootfs, repository } from './inputs.ts';
import { isCompressor, pack } from './packing.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'string', default: 'vm' },
    arch: { type: 'string', default: 'amd64' },
    rootfs: { type: 'string' },
    compressor: { type: 'string', default: 'zstd3' },
    keys: { type: 'string', default: `${repository}/.cache/boot-keys` },
    settings: { type: 'string' },
    ca: { type: 'string' },
    server: { type: 'string', multiple: true, default: [] },
    options: { type: 'string', default: '' },
    hosts: { type: 'string' },
    out: { type: 'string' },
  },
});
const say = (text: string): void => console.error(`squashfs: ${text}`);

try {
  const { compressor, arch } = values;
  if (!isCompressor(compressor)) throw new Error(`there is no compressor ${compressor}`);
  if (arch !== 'amd64' && arch !== 'arm64') throw new Error(`there is no architecture ${arch}`);
  const rootfs = values.rootfs ?? (await builtRootfs(values.profile, arch, say));
  const folder = await pack({
    rootfs,
    architecture: arch,
    compressor,
    keys: values.keys,
    servers: values.server,
    options: values.options,
    hosts: values.hosts === undefined ? [] : parseHosts(await readFile(values.hosts, 'utf8')),
    ...(values.settings === undefined ? {} : { settings: await readFile(values.settings, 'utf8') }),
    ...(values.ca === undefined ? {} : { certificates: await readFile(values.ca, 'utf8') }),
    ...(values.out === undefined ? {} : { out: values.out }),
    say,
  });
  console.log(folder);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
