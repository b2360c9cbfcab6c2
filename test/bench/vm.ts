/**
 * From a click to QEMU's first firmware frame: our engine against the same QEMU started by hand
 * with the same arguments, its disk made beforehand and its network left out. Alternating pairs in one run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkBase, createQcow2 } from '../../main/sessions/vm/overlay.ts';
import { processesNaming } from '../../main/sessions/vm/processes.ts';
import { Qmp } from '../../main/sessions/vm/qmp.ts';
import { demoDisk, type MachineLab, machineLab } from '../support/machines.ts';
import { median, printResult, printTable } from './report.ts';

const PAIRS = 9;
const GOAL = 1.15;

const disk = await demoDisk();
const lab = await machineLab({ demo: { path: disk, format: 'qcow2' } });
try {
  await lab.engine.accelerator();
  // Once unmeasured: programs and firmware come from the page cache afterwards, for both.
  const args = (await engineRun(lab, 'warm')).args;
  await handRun(lab, args, 'warm');
  const rows: { engine: number; hand: number }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const runs = [
      async () => ({ engine: (await engineRun(lab, `pair-${pair}`)).ms }),
      async () => ({ hand: await handRun(lab, args, `pair-${pair}`) }),
    ];
    if (pair % 2 === 1) runs.reverse();
    let row = { engine: 0, hand: 0 };
    for (const run of runs) row = { ...row, ...(await run()) };
    rows.push(row);
    console.log(
      `pair ${pair + 1}: engine ${row.engine.toFixed(0)} ms, by hand ${row.hand.toFixed(0)} ms`,
    );
  }
  const engine = median(rows.map((row) => row.engine));
  const hand = median(rows.map((row) => row.hand));
  const ratio = engine / hand;
  printTable([
    ['median of pairs', 'ms'],
    ['click to first firmware frame', Math.round(engine)],
    ['QEMU by hand', Math.round(hand)],
  ]);
  printResult({ bench: 'vm', ratio, goal: GOAL, ok: ratio <= GOAL, pairs: PAIRS });
  process.exitCode = ratio <= GOAL ? 0 : 1;
} finally {
  await lab.close();
}

async function engineRun({ engine, request, folder }: MachineLab, sessionId: string) {
  const start = performance.now();
  const running = await engine.start(request({ sessionId }));
  const monitor = engine.monitor(sessionId);
  if (!monitor) throw new Error('no monitor');
  await firstFrame(monitor, join(folder, 'frame.ppm'));
  const ms = performance.now() - start;
  const [pid] = await processesNaming(`guest=machine`);
  const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(1, -1);
  await running.kill();
  await running.ended;
  return { ms, args };
}

/** The engine's own command line, pointed at files made here before the clock starts. */
async function handRun(
  { folder }: MachineLab,
  args: readonly string[],
  name: string,
): Promise<number> {
  const place = join(folder, `hand-${name}`);
  await mkdir(place);
  const overlay = join(place, 'disk.qcow2');
  await createQcow2(overlay, await checkBase(disk, 'qcow2'), { path: disk, format: 'qcow2' });
  await writeFile(join(place, 'password'), 'password', { mode: 0o600 });
  const moved = args.map((argument) =>
    argument
      .replaceAll(/\/[^,"]*\/v-[0-9a-f]+\//g, `${place}/`)
      .replaceAll(/\/[^,"]*\/state\/sessions\/[0-9a-f]+\//g, `${place}/`),
  );
  const start = performance.now();
  const qemu: ChildProcess = spawn('qemu-system-x86_64', moved, { stdio: 'ignore' });
  const monitor = await Qmp.connect({ path: join(place, 'qmp'), timeoutMs: 30_000 });
  await firstFrame(monitor, join(folder, 'frame.ppm'));
  const ms = performance.now() - start;
  const exit = new Promise((resolve) => qemu.once('exit', resolve));
  await monitor.execute('quit').catch(() => {});
  await exit;
  return ms;
}

/**
 * Until the firmware has drawn something: the screen shows more than one colour, in another size
 * than that of QEMU's own "Guest has not initialized the display".
 */
async function firstFrame(monitor: Qmp, filename: string): Promise<void> {
  for (;;) {
    const shown = await monitor.execute('screendump', { filename }).then(
      () => true,
      () => false,
    );
    if (shown) {
      const picture = await readFile(filename);
      const pixels = picture.subarray(32);
      const own = picture.subarray(0, 10).toString('latin1') === 'P6\n640 480';
      if (!own && pixels.some((value) => value !== pixels[0])) return;
    }
    await pause(5);
  }
}
