import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';
import { chooseAccelerator } from '../../../main/sessions/vm/accelerator.ts';
import { PROBE_PASSED, PROBE_PORT, probeRom } from '../../../main/sessions/vm/probe-rom.ts';

const folder = mkdtempSync(join(tmpdir(), 'kvm-'));
const launcher = new Launcher(silentLogger);
afterAll(async () => {
  await launcher.stopAll();
  rmSync(folder, { recursive: true });
});
afterEach(() => rmSync(join(folder, 'accelerator.json'), { force: true }));

/** A QEMU that ends the probe as told. */
function qemu(script: string): string {
  const path = join(folder, 'qemu');
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}
const choose = (program: string, device = '/dev/null') =>
  chooseAccelerator({ launcher, qemu: program, folder, log: silentLogger, device });

it('the probe guest runs to its end where a processor works', async () => {
  const rom = join(folder, 'rom');
  writeFileSync(rom, probeRom());
  const { code } = await launcher.run({
    program: 'qemu-system-x86_64',
    args: [
      ...['-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'tcg', '-cpu', 'max'],
      ...['-m', '32M', '-bios', rom, '-device', `isa-debug-exit,iobase=${PROBE_PORT},iosize=1`],
    ],
    expect: [PROBE_PASSED],
  });
  expect(code).toBe(PROBE_PASSED);
});

it('KVM is used when the guest got to its end', async () => {
  expect(await choose(qemu(`exit ${PROBE_PASSED}`))).toEqual({ accelerator: 'kvm', reason: null });
});

it('is not when it failed, and says why', async () => {
  expect(await choose(qemu('echo "failed to set MSR 0x10a" >&2; exit 1'))).toEqual({
    accelerator: 'tcg',
    reason: 'KVM could not run a guest: failed to set MSR 0x10a',
  });
});

it('is not when the guest spins for ever', async () => {
  expect((await choose(qemu('exec sleep 600'))).reason).toMatch(/never finished/);
});

it('is not without the device or without QEMU', async () => {
  expect((await choose(qemu('exit 33'), '/dev/none')).reason).toMatch(/missing/);
  rmSync(join(folder, 'accelerator.json'));
  expect((await choose('qemu-none')).reason).toMatch(/could not be tried/);
});

it('is asked once per boot, and again after one', async () => {
  await choose(qemu(`exit ${PROBE_PASSED}`));
  expect((await choose(qemu('exit 1'))).accelerator).toBe('kvm');
  const file = join(folder, 'accelerator.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), boot: 'other' }));
  expect((await choose(qemu('exit 1'))).accelerator).toBe('tcg');
});
