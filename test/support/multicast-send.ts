/** A native sender as a process that a namespace can hold: `node multicast-send.ts '<Config>'`. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseImageManifest } from '../../main/images/manifest.ts';
import { findInterface } from '../../main/images/multicast/interface.ts';
import { sendMulticast } from '../../main/images/multicast/sender.ts';

const Config = z.object({
  manifest: z.string(),
  file: z.string(),
  group: z.string(),
  port: z.int(),
  mbit: z.number(),
  receivers: z.int(),
});
const config = Config.parse(JSON.parse(process.argv[2] ?? ''));
const report = await sendMulticast({
  manifest: parseImageManifest(await readFile(config.manifest)),
  file: config.file,
  address: findInterface('eth0').address,
  group: config.group,
  port: config.port,
  maxRate: (config.mbit * 1e6) / 8,
  receivers: config.receivers,
  waitMs: 60_000,
  idleMs: 3_000,
});
console.log(JSON.stringify({ event: 'sent', ...report }));
