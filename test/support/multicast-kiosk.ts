/**
 * A kiosk that receives one image over multicast offers, as a process that a namespace can hold:
 * `node multicast-kiosk.ts '<Config>'`. Prints one JSON line per event. SIGTERM ends it as it ends
 * a kiosk.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { ImageRef } from '../../main/base/manifest.ts';
import { multicastTransports } from '../../main/images/multicast/transports.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import { imageRig, rangeServer } from './images.ts';

const Config = z.object({
  /** Where the kiosk keeps its store. */
  folder: z.string(),
  /** Where the image manifest is. */
  manifests: z.string(),
  ref: ImageRef,
  order: z.array(z.string()),
  /** A file of stored chunks that is served to this kiosk by HTTP; absent: no HTTP. */
  http: z.string().optional(),
});
export type KioskConfig = z.input<typeof Config>;

const config = Config.parse(JSON.parse(process.argv[2] ?? ''));
const say = (event: Record<string, unknown>): void => console.log(JSON.stringify(event));
const log = { ...silentLogger, info: (message: string) => say({ event: 'log', message }) };

const files = config.http ? { [basename(config.http)]: readFileSync(config.http) } : {};
const server = await rangeServer(files);
const launcher = new Launcher(silentLogger);
const rig = await imageRig(config.folder, {
  nearbyFolders: async () => [config.manifests],
  transports: multicastTransports({ launcher, log, interfaceName: 'eth0' }),
  policy: { order: config.order },
});
process.once('SIGTERM', async () => {
  await rig[Symbol.asyncDispose]();
  await launcher.stopAll();
  say({ event: 'stopped' });
  process.exit(0);
});

let last = -1;
rig.images.on('changed', ({ image }) => {
  const { progress } = rig.images.status(image);
  if (Math.floor(progress * 20) === last) return;
  last = Math.floor(progress * 20);
  say({ event: 'progress', progress });
});
const began = performance.now();
const before = cpuSeconds();
const urls = config.http ? [`${server.url}/${basename(config.http)}`] : [`${server.url}/none`];
await rig.images.apply([{ ...config.ref, urls }]);
await rig.idle();
say({
  event: 'done',
  seconds: (performance.now() - began) / 1000,
  cpuSeconds: cpuSeconds() - before,
  current: rig.images.status(config.ref.id).current,
  reports: rig.reports,
});
await rig[Symbol.asyncDispose]();
await server[Symbol.asyncDispose]();
await launcher.stopAll();
process.exit(0);

/** Of this process and of its children that have ended: a receiver, a decompressor (proc(5)). */
function cpuSeconds(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // cutime and cstime, fields 16 and 17, in ticks of which Linux shows 100 in a second.
  const children = (Number(fields[13]) + Number(fields[14])) / 100;
  return (userCPUTime + systemCPUTime) / 1e6 + children;
}
