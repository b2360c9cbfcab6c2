import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Logger } from '../../../main/log/logger.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';
import { deathError, usefulLine } from '../../../main/sessions/vm/faults.ts';
import { declareLimits, scopeCall } from '../../../main/sessions/vm/limits.ts';
import { cardAddress, machineUuid } from '../../../main/sessions/vm/plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'limits-'));
const launcher = new Launcher(silentLogger);
afterAll(async () => {
  await launcher.stopAll();
  rmSync(folder, { recursive: true });
});

it('a machine is declared to systemd as a scope with limits', () => {
  const call = scopeCall({ pid: 42, name: 's1', memoryMib: 1024 }, 1000).join(' ');
  expect(call).toContain('--user call org.freedesktop.systemd1');
  expect(call).toContain('vestibule-s1.scope fail 4 PIDs au 1 42 MemoryMax t 2147483648');
});

it('limits that cannot be set are a warning and no more', async () => {
  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
  const options = { launcher, log, pid: 42, name: 's1', memoryMib: 64 };
  await declareLimits({ ...options, marker: join(folder, 'absent') });
  expect(warnings).toEqual([]);
  writeFileSync(join(folder, 'busctl'), '#!/bin/sh\necho no bus >&2; exit 1\n', { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  await declareLimits({ ...options, marker: folder });
  process.env.PATH = path;
  expect(warnings).toEqual(['a machine runs without limits']);
});

it.each([
  ['qemu-system-x86_64: -blockdev {}: Image is not in qcow2 format', 'MACHINE_IMAGE_CORRUPT'],
  ['qemu-system-x86_64: Active L1 table offset invalid', 'MACHINE_IMAGE_CORRUPT'],
  ['qemu-system-x86_64: Failed to get "write" lock', 'IMAGE_IN_USE'],
  [
    "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
    'NOT_ENOUGH_MEMORY',
  ],
  ['Could not write: No space left on device', 'DISK_FULL'],
  ['qemu-system-x86_64: something else', 'MACHINE_DIED'],
])('%s is %s', (stderrTail, code) => {
  expect(deathError({ code: 1, signal: null, stderrTail })).toMatchObject({ code });
});

it('the useful line is the last that is no warning', () => {
  expect(usefulLine('qemu-system-x86_64: bad disk\nqemu-system-x86_64: warning: odd\n\n')).toBe(
    'bad disk',
  );
});

it('identities are stable, distinct and well formed', () => {
  expect(machineUuid('a')).toBe(machineUuid('a'));
  expect(machineUuid('a')).not.toBe(machineUuid('b'));
  expect(machineUuid('a')).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(cardAddress('a', 0)).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
  expect(cardAddress('a', 0)).not.toBe(cardAddress('a', 1));
});
