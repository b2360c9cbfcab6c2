import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { link, truncate } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseXrandr } from '../../../main/device/displays.ts';
import { parseArp, parseIpv4Routes, parseIpv6Routes } from '../../../main/device/gateway.ts';
import { readIdentity } from '../../../main/device/identity.ts';
import { fileSystemOf, measureStorage } from '../../../main/device/storage.ts';
import { within } from '../../../main/device/sysfs.ts';
import { readVirtualization } from '../../../main/device/virtualization.ts';
import { readWarnings } from '../../../main/device/warnings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-device-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('xrandr: connected outputs that are on', () => {
  expect(
    parseXrandr(`Screen 0: minimum 320 x 200, current 4480 x 1440, maximum 16384 x 16384
eDP-1 connected primary 1920x1080+0+360 (normal left inverted right x axis y axis) 344mm x 193mm
   1920x1080     60.02*+  48.00
DP-1 connected 2560x1440+1920+0 left (normal left inverted right) 597mm x 336mm
DP-2 connected (normal left inverted right x axis y axis)
HDMI-1 disconnected (normal left inverted right x axis y axis)
`),
  ).toEqual([
    { name: 'eDP-1', width: 1920, height: 1080 },
    { name: 'DP-1', width: 2560, height: 1440 },
  ]);
  expect(parseXrandr("Can't open display")).toEqual([]);
});

describe('routes', () => {
  const head =
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  test('IPv4: the default route of least metric', () => {
    expect(
      parseIpv4Routes(
        `${head}wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\tFE01000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
`,
      ),
    ).toEqual({ address: '10.0.1.254', device: 'eth0' });
    expect(
      parseIpv4Routes(`${head}eth0\t0001000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`),
    ).toBe(undefined);
    expect(parseIpv4Routes('')).toBeUndefined();
  });

  test('IPv6: the default route of least metric', () => {
    const zero = '0'.repeat(32);
    const router = 'fe800000000000000000000000000001';
    expect(
      parseIpv6Routes(
        `${zero} 00 ${zero} 00 ${router} 00000400 00000001 00000000 00000003     eth0
${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
      ),
    ).toEqual({ address: 'fe80:0:0:0:0:0:0:1', device: 'eth0' });
    expect(parseIpv6Routes('')).toBeUndefined();
  });

  test('ARP: complete entries only', () => {
    const table = `IP address       HW type     Flags       HW address            Mask     Device
10.0.1.254       0x1         0x2         52:54:00:12:34:56     *        eth0
10.0.1.9         0x1         0x0         00:00:00:00:00:00     *        eth0`;
    expect(parseArp(table, '10.0.1.254')).toBe('52:54:00:12:34:56');
    expect(parseArp(table, '10.0.1.9')).toBeUndefined();
    expect(parseArp(table, '10.0.1.2')).toBeUndefined();
  });
});

describe('identity', () => {
  function card(name: string, mac: string, device: string): void {
    const real = join(folder, 'sys/devices', device, 'net', name);
    mkdirSync(real, { recursive: true });
    mkdirSync(join(folder, 'sys/class/net'), { recursive: true });
    writeFileSync(join(real, 'address'), `${mac}\n`);
    symlinkSync(`../../devices/${device}/net/${name}`, join(folder, 'sys/class/net', name));
  }
  const machineId = (id: string): void => {
    mkdirSync(join(folder, 'etc'), { recursive: true });
    writeFileSync(join(folder, 'etc/machine-id'), id);
  };

  test('is that of the first built-in card, whatever else is plugged in or made up', async () => {
    card('enp3s0', '52:54:00:AA:BB:02', 'pci0000:00/0000:03:00.0');
    machineId('one');
    const { id, macs } = await readIdentity(folder);
    expect(id).toMatch(/^kiosk-[0-9a-f]{16}$/);
    expect(macs).toEqual(['52:54:00:aa:bb:02']);
    card('enx0', '02:00:00:00:00:01', 'pci0000:00/0000:00:01.0/usb1/1-1');
    card('virbr0', '52:54:00:00:00:01', 'virtual');
    card('odd', 'not a mac', 'pci0000:00/0000:00:02.0');
    machineId('two');
    const later = await readIdentity(folder);
    expect(later.id).toBe(id);
    expect(later.macs).toEqual(['52:54:00:aa:bb:02', '02:00:00:00:00:01']);
    card('enp2s0', '52:54:00:aa:bb:01', 'pci0000:00/0000:02:00.0');
    expect((await readIdentity(folder)).id).not.toBe(id);
  });

  test('without a card it is that of the system, then of the host name', async () => {
    machineId('0123456789abcdef0123456789abcdef\n');
    const { id } = await readIdentity(folder);
    expect((await readIdentity(folder)).id).toBe(id);
    // The machine id itself is not to be read from it.
    expect(id).not.toContain('01234567');
    machineId('another');
    expect((await readIdentity(folder)).id).not.toBe(id);
    expect((await readIdentity(join(folder, 'nothing'))).hostname).toBe(hostname());
  });
});

describe('storage', () => {
  test('counts what is allocated: not holes, hard links once, missing parts as nothing', async () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    writeFileSync(join(folder, 'a/b/full'), Buffer.alloc(1024 * 1024, 1));
    await link(join(folder, 'a/b/full'), join(folder, 'a/link'));
    writeFileSync(join(folder, 'a/hole'), '');
    await truncate(join(folder, 'a/hole'), 1024 ** 3);
    symlinkSync('/usr', join(folder, 'a/elsewhere'));
    const use = await measureStorage({
      dataFolder: folder,
      parts: [
        { id: 'a', path: join(folder, 'a') },
        { id: 'none', path: join(folder, 'none') },
      ],
    });
    expect(use.parts[0]?.bytes).toBeGreaterThanOrEqual(1024 * 1024);
    expect(use.parts[0]?.bytes).toBeLessThan(1.2 * 1024 * 1024);
    expect(use.parts[1]?.bytes).toBe(0);
    expect(use.total).toBeGreaterThan(0);
    expect(use.fileSystem).not.toBe('unknown');
    const aborted = measureStorage({
      dataFolder: folder,
      parts: [{ id: 'a', path: folder }],
      signal: AbortSignal.abort(new Error('enough')),
    });
    await expect(aborted).rejects.toThrow('enough');
  });

  test('the file system is that of the deepest mount point, the last mounted there', () => {
    const mountinfo = `22 1 254:0 / / rw shared:1 - ext4 /dev/root rw
30 22 0:30 / /var/lib rw - xfs /dev/b rw
31 30 0:31 / /var/lib/vesti\\040bule rw shared:3 master:1 - btrfs /dev/c rw
32 30 0:32 / /var/lib rw - zfs x rw
`;
    expect(fileSystemOf(mountinfo, '/var/lib/vesti bule/data')).toBe('btrfs');
    expect(fileSystemOf(mountinfo, '/var/lib/vestibules')).toBe('zfs');
    expect(fileSystemOf(mountinfo, '/var/library')).toBe('ext4');
    expect(fileSystemOf('', '/x')).toBe('unknown');
  });
});

describe('virtualization', () => {
  test('says what to do where it is missing', async () => {
    const cpuinfo = join(folder, 'cpuinfo');
    const device = join(folder, 'kvm');
    writeFileSync(cpuinfo, 'processor : 0\nflags\t\t: fpu vmx sse\n');
    expect(await readVirtualization({ device, cpuinfo })).toMatchObject({
      kvm: false,
      reason: expect.stringContaining('enable VT-x or AMD-V in the firmware, and check'),
    });
    writeFileSync(cpuinfo, 'flags\t\t: fpu xsvm_not sse\n');
    expect((await readVirtualization({ device, cpuinfo })).reason).toMatch(
      /offers no virtualization/,
    );
    writeFileSync(device, '');
    expect(await readVirtualization({ device, cpuinfo })).toEqual({ kvm: true, reason: null });
  });

  test('warnings before sign-in: each thing that is missing, with figures', async () => {
    const kvm = async () => ({ kvm: false, reason: 'Because.' });
    const lacking = await readWarnings({
      scratchFolder: join(folder, 'none'),
      memoryReserveMiB: 1024,
      totalMemory: 1.5 * 2 ** 30,
      virtualization: kvm,
    });
    expect(lacking.map(({ code }) => code)).toEqual([
      'MACHINE_SLOW',
      'NOT_ENOUGH_MEMORY',
      'NOT_ENOUGH_DISK',
    ]);
    expect(lacking[1]?.details).toEqual({ available: 1.5 * 2 ** 30, needed: 2 * 2 ** 30 });
    const fine = await readWarnings({
      scratchFolder: folder,
      memoryReserveMiB: 1024,
      totalMemory: 8 * 2 ** 30,
      virtualization: async () => ({ kvm: true, reason: null }),
    });
    expect(fine).toEqual([]);
  });
});

test('a probe that fails or hangs costs its own value only', async () => {
  expect(await within(Promise.resolve(1), 1_000, 0)).toBe(1);
  expect(await within(Promise.reject(new Error('x')), 1_000, 0)).toBe(0);
  expect(await within(new Promise<number>(() => {}), 5, 0)).toBe(0);
});
