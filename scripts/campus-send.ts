/**
 * `node scripts/campus-send.ts`: sends an image to a room, start to end, for cron. Exit codes: 0
 * as many kiosks as were waited for have committed it, 1 not so, 2 misused.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parseImageManifest } from '../main/images/manifest.ts';
import { silentLogger } from '../main/log/logger.ts';
import { Launcher } from '../main/process/launcher.ts';
import { describe, distribute, type KioskReport } from '../test/campus/sender/distribute.ts';

const USAGE = `usage: node scripts/campus-send.ts --manifest FILE --file FILE [options]

  --manifest FILE     the image manifest that \`vestibule image pack\` made
  --file FILE         what is sent: the .chunks file; with --udpcast also the image itself
  --udpcast PORTBASE  by udp-sender; otherwise natively:
  --group ADDRESS     multicast group (default 239.77.0.1)
  --port PORT         its port (default 9100)
  --interface NAME    default: the first with an IPv4 address
  --wake MAC          a computer to switch on; may be repeated
  --receivers N       how many kiosks to wait for (default 1)
  --wait SECONDS      how long, before going without the others (default 300)
  --mbit N            ceiling of the network (default 400)
  --reports FILE      the kiosks' reports that the campus keeps, one JSON object a line
  --report-wait SECONDS  how long to wait for them (default 600)
  --notify PROGRAM    gets the summary on standard input
`;

const Line = z.object({
  kiosk: z.string(),
  kind: z.string(),
  body: z.object({ image: z.string(), version: z.string(), root: z.string().optional() }),
});
const Options = z.object({
  manifest: z.string(),
  file: z.string(),
  udpcast: z.coerce.number().int().optional(),
  group: z.ipv4().default('239.77.0.1'),
  port: z.coerce.number().int().min(1024).max(65_535).default(9100),
  interface: z.string().optional(),
  wake: z.array(z.string()).default([]),
  receivers: z.coerce.number().int().min(1).default(1),
  wait: z.coerce.number().int().min(1).default(300),
  mbit: z.coerce.number().positive().default(400),
  reports: z.string().optional(),
  'report-wait': z.coerce.number().int().min(0).default(600),
  notify: z.string().optional(),
});

const text = { type: 'string' } as const;
const options = readOptions();
const launcher = new Launcher(silentLogger);
const summary = await distribute({
  launcher,
  manifest: parseImageManifest(await readFile(options.manifest)),
  file: options.file,
  way:
    options.udpcast === undefined
      ? { type: 'multicast', group: options.group, port: options.port }
      : { type: 'udpcast', portbase: options.udpcast },
  interfaceName: options.interface,
  wake: options.wake,
  receivers: options.receivers,
  waitSeconds: options.wait,
  mbit: options.mbit,
  reports: () => readReports(options.reports),
  reportSeconds: options.reports === undefined ? 0 : options['report-wait'],
});
const said = describe(summary);
process.stdout.write(said);
if (options.notify !== undefined) {
  await launcher.run({ program: options.notify, args: [], input: said });
}
await launcher.stopAll();
process.exitCode = summary.complete ? 0 : 1;

function readOptions(): z.infer<typeof Options> {
  try {
    const { values } = parseArgs({
      options: {
        ...{ manifest: text, file: text, udpcast: text, group: text, port: text, interface: text },
        ...{ wake: { ...text, multiple: true }, receivers: text, wait: text, mbit: text },
        ...{ reports: text, 'report-wait': text, notify: text },
      },
    });
    return Options.parse(values);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    process.stderr.write(`${why}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** Lines of other kinds of report, and one that is being written just now, are passed over. */
async function readReports(path: string | undefined): Promise<KioskReport[]> {
  if (path === undefined) return [];
  const reports: KioskReport[] = [];
  for (const line of (await readFile(path, 'utf8').catch(() => '')).split('\n')) {
    try {
      const { kiosk, kind, body } = Line.parse(JSON.parse(line));
      reports.push({ kiosk, kind, image: body.image, version: body.version, root: body.root });
    } catch {}
  }
  return reports;
}
