/**
 * KVM or emulation? `/dev/kvm` being there says little: nested, confined or software KVMs accept
 * a machine and then fail it. So a tiny guest is really run once per boot (probe-rom.ts).
 */
import { access, constants, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/files.ts';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';
import { PROBE_PASSED, PROBE_PORT, probeRom } from './probe-rom.ts';

const Verdict = z.object({
  accelerator: z.enum(['kvm', 'tcg']),
  /** Why not KVM, for an administrator. */
  reason: z.string().nullable(),
});
export type Accelerator = z.output<typeof Verdict>;

const Cached = z.object({ boot: z.string(), verdict: Verdict });

/** A guest of 184 bytes needs milliseconds; a KVM that cannot run it spins for ever. */
const LIMIT_MS = 4_000;

export interface AcceleratorOptions {
  readonly launcher: Launcher;
  readonly qemu: string;
  /** The answer is kept here until the next boot. */
  readonly folder: string;
  readonly log: Logger;
  /** `/dev/kvm`; another path in tests. */
  readonly device?: string;
}

/** Never throws: without an answer the machines are emulated. */
export async function chooseAccelerator(options: AcceleratorOptions): Promise<Accelerator> {
  const file = join(options.folder, 'accelerator.json');
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const cached = await readCached(file);
  if (cached?.boot === boot) return cached.verdict;
  const verdict = await probe(options);
  options.log.info(
    verdict.accelerator === 'kvm'
      ? 'machines use KVM'
      : `machines are emulated: ${verdict.reason ?? 'unknown'}`,
  );
  await writeFileAtomic(file, JSON.stringify({ boot, verdict } satisfies z.input<typeof Cached>));
  return verdict;
}

async function readCached(file: string): Promise<z.output<typeof Cached> | undefined> {
  try {
    return Cached.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function probe(options: AcceleratorOptions): Promise<Accelerator> {
  const { launcher, qemu, folder, device = '/dev/kvm' } = options;
  const no = (reason: string): Accelerator => ({ accelerator: 'tcg', reason });
  const usable = await access(device, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!usable) return no(`${device} is missing or may not be used`);
  const rom = join(folder, 'probe.rom');
  try {
    await writeFile(rom, probeRom());
    const child = await launcher.launch({
      program: qemu,
      args: [
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35'],
        ...['-accel', 'kvm', '-cpu', 'host', '-m', '32M', '-bios', rom],
        ...['-device', `isa-debug-exit,iobase=${PROBE_PORT},iosize=1`],
      ],
    });
    const timer = setTimeout(() => void child.kill(), LIMIT_MS);
    const { code, signal, stderrTail } = await child.exited;
    clearTimeout(timer);
    if (code === PROBE_PASSED) return { accelerator: 'kvm', reason: null };
    const said = stderrTail.trim().split('\n').at(-1);
    if (signal === 'SIGKILL') return no('KVM started a guest and never finished it');
    return no(`KVM could not run a guest: ${said || `ended with ${signal ?? code}`}`);
  } catch (error) {
    return no(`KVM could not be tried: ${error instanceof Error ? error.message : error}`);
  } finally {
    await rm(rom, { force: true });
  }
}
