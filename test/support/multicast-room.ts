/** A room in a test network: an image, its sender, kiosks and stock receivers. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ImageRef } from '../../main/base/manifest.ts';
import type { PackResult } from '../../main/images/pack.ts';
import { imageBytes, packBytes, refOf } from './images.ts';
import type { KioskConfig } from './multicast-kiosk.ts';
import type { Host, Process } from './namespaces.ts';

const Account = z.object({
  transport: z.string(),
  bytes: z.number(),
  chunks: z.number(),
  retries: z.number(),
  mismatches: z.number(),
  failure: z.string().nullable(),
});
const Done = z.object({
  event: z.literal('done'),
  seconds: z.number(),
  cpuSeconds: z.number(),
  current: z.string().nullable(),
  reports: z.array(
    z.object({
      kind: z.string(),
      body: z.object({
        code: z.string().optional(),
        details: z.object({ last: z.string().nullable().optional() }).optional(),
        root: z.string().optional(),
        localBytes: z.number().optional(),
        mismatches: z.number().optional(),
        transports: z.array(Account).optional(),
      }),
    }),
  ),
});

export interface Outcome {
  /** The version that the kiosk would start; null: nothing was published. */
  readonly current: string | null;
  readonly kind: string;
  /** Why nothing was published, and how the last transport failed. */
  readonly code: string | undefined;
  readonly last: string | null | undefined;
  /** Of the contents that were committed. */
  readonly root: string | undefined;
  readonly localBytes: number;
  readonly transports: ReadonlyArray<z.infer<typeof Account>>;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface Kiosk {
  readonly process: Process;
  /** Waits until it has begun to receive by udpcast. */
  receiving(): Promise<void>;
  outcome(): Promise<Outcome>;
}

export class Room {
  readonly folder: string;
  readonly packed: PackResult;
  /** The image itself, as `udp-sender` sends it. */
  readonly image: string;
  readonly bytes: Buffer;
  #kiosks = 0;

  private constructor(folder: string, bytes: Buffer, packed: PackResult) {
    this.folder = folder;
    this.bytes = bytes;
    this.packed = packed;
    this.image = join(folder, `${packed.manifest.id}-${packed.manifest.version}.img`);
  }

  static async open(bytes = imageBytes(128, 777), version = '1'): Promise<Room> {
    const folder = await mkdtemp(join(tmpdir(), 'vestibule-room-'));
    return new Room(folder, bytes, await packBytes(folder, bytes, { id: 'lab', version }));
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts a kiosk. @param options.folder of an earlier one, to go on where it ended */
  async kiosk(
    host: Host,
    multicast: ImageRef['multicast'],
    options: { folder?: string; http?: boolean } = {},
  ): Promise<Kiosk> {
    const folder = options.folder ?? join(this.folder, `kiosk-${this.#kiosks++}`);
    await mkdir(folder, { recursive: true });
    const config: KioskConfig = {
      folder,
      manifests: this.folder,
      ref: { ...refOf(this.packed, ['none'], 'none'), multicast },
      order: ['multicast', 'udpcast', ...(options.http ? ['http'] : [])],
      ...(options.http ? { http: this.packed.chunksPath } : {}),
    };
    const script = fileURLToPath(new URL('./multicast-kiosk.ts', import.meta.url));
    const process = host.start(globalThis.process.execPath, [script, JSON.stringify(config)]);
    await process.said(/"event":"progress"/);
    return {
      process,
      async receiving() {
        await process.said(/stream began/);
      },
      async outcome() {
        const [line] = await process.said(/^\{"event":"done".*$/m);
        const done = Done.parse(JSON.parse(line));
        const report = done.reports.at(-1);
        return {
          current: done.current,
          kind: report?.kind ?? 'none',
          code: report?.body.code,
          last: report?.body.details?.last,
          root: report?.body.root,
          localBytes: report?.body.localBytes ?? 0,
          transports: report?.body.transports ?? [],
          seconds: done.seconds,
          cpuSeconds: done.cpuSeconds,
        };
      },
    };
  }
}

/** Starts the stock sender as a campus would. */
export function udpSender(
  host: Host,
  options: {
    file?: string;
    receivers?: number;
    portbase?: number;
    mbit?: number;
    more?: readonly string[];
  },
): Process {
  const { file, receivers = 1, portbase = 9000, mbit = 200, more = [] } = options;
  return host.start('udp-sender', [
    ...['--nokbd', '--interface', 'eth0', '--portbase', String(portbase)],
    ...['--min-receivers', String(receivers), '--max-wait', '60'],
    ...['--retries-until-drop', '20', '--max-bitrate', `${mbit}m`],
    ...(file === undefined ? [] : ['--file', file]),
    ...more,
  ]);
}

/** Starts the stock receiver. */
export function udpReceiver(host: Host, file: string, portbase = 9000): Process {
  return host.start('udp-receiver', [
    ...['--nokbd', '--interface', 'eth0', '--portbase', String(portbase), '--file', file],
    ...['--rcvbuf', '4194304', '--start-timeout', '60', '--receive-timeout', '30'],
  ]);
}
