/** The recipe's own logic; what it makes is checked on the tree (rootfs-build/check-tree.ts). */
import { describe, expect, test } from 'vitest';
import { packageHashes, releaseEpoch } from '../../../rootfs-build/debian.ts';
import { moduleList, packageList, parseList } from '../../../rootfs-build/lists.ts';
import { parseDependencies, selectModules } from '../../../rootfs-build/modules.ts';
import { readRootfsOptions } from '../../../rootfs-build/options.ts';
import { licencesOf } from '../../../rootfs-build/sbom.ts';

describe('lists', () => {
  test('comments, empty lines and other architectures are left out', () => {
    const text = '# all\nqemu-utils # images\n\nshim-signed [amd64]\nraspi-firmware [arm64]\n';
    expect(parseList(text, 'amd64')).toEqual(['qemu-utils', 'shim-signed']);
    expect(parseList(text, 'arm64')).toEqual(['qemu-utils', 'raspi-firmware']);
  });

  test('a line of two words is an error, not two entries', () => {
    expect(() => parseList('qemu utils\n', 'amd64')).toThrow('qemu utils');
  });

  test('each profile has one kernel, and the larger ones all that the smaller have', () => {
    for (const architecture of ['amd64', 'arm64'] as const) {
      for (const profile of ['vm', 'lab', 'full'] as const) {
        const kernels = packageList(profile, architecture).filter((name) =>
          name.startsWith('linux-image-'),
        );
        expect(kernels).toEqual([`linux-image-${architecture}`]);
      }
      const [vm = [], lab = [], full = []] = (['vm', 'lab', 'full'] as const).map((profile) =>
        packageList(profile, architecture),
      );
      expect(lab).toEqual(expect.arrayContaining(vm));
      expect(full).toEqual(expect.arrayContaining(lab));
    }
  });

  test('only the profile for virtual machines leaves kernel modules out', () => {
    expect(moduleList('vm', 'amd64')).toContain('virtio_blk');
    expect(moduleList('lab', 'amd64')).toBeUndefined();
  });
});

describe('kernel modules', () => {
  const needs = parseDependencies(
    [
      'kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6/raid6_pq.ko.xz kernel/crypto/xor.ko.xz',
      'kernel/lib/raid6/raid6_pq.ko.xz:',
      'kernel/crypto/xor.ko.xz:',
      'kernel/drivers/net/virtio_net.ko.xz: kernel/net/core/failover.ko.xz',
      'kernel/net/core/failover.ko.xz:',
      'kernel/drivers/net/wireless/iwl.ko.xz:',
      '',
    ].join('\n'),
  );

  test('what a module needs comes along', () => {
    const { keep, unknown } = selectModules(needs, new Set(), ['btrfs', 'virtio-net']);
    expect([...keep].map((file) => file.slice(file.lastIndexOf('/') + 1)).sort()).toEqual([
      'btrfs.ko.xz',
      'failover.ko.xz',
      'raid6_pq.ko.xz',
      'virtio_net.ko.xz',
      'xor.ko.xz',
    ]);
    expect(unknown).toEqual([]);
  });

  test('a folder means all that is below it', () => {
    const { keep } = selectModules(needs, new Set(), ['drivers/net/']);
    expect(keep.has('kernel/drivers/net/wireless/iwl.ko.xz')).toBe(true);
    expect(keep.has('kernel/fs/btrfs/btrfs.ko.xz')).toBe(false);
  });

  test('a name that is neither a module nor built in is told', () => {
    expect(selectModules(needs, new Set(['ext4']), ['ext4', 'ext5']).unknown).toEqual(['ext5']);
  });
});

describe('the archive', () => {
  const release = [
    'Origin: Debian',
    'Date: Sat, 12 Sep 2026 07:55:41 UTC',
    'MD5Sum:',
    ' 00 1 main/binary-amd64/Packages',
    'SHA256:',
    ' aa 12 main/binary-amd64/Packages',
    ' ab 13 main/binary-amd64/Packages.xz',
    ' bb 14 main/binary-arm64/Packages',
    ' cc 15 non-free-firmware/binary-amd64/Packages',
    ' dd 16 contrib/binary-amd64/Packages',
    '',
  ].join('\n');

  test('its state is that of the package lists which are used', () => {
    expect(packageHashes(release, 'amd64')).toEqual([
      'aa main/binary-amd64/Packages',
      'cc non-free-firmware/binary-amd64/Packages',
    ]);
  });

  test('times in the image are the date of the release', () => {
    expect(releaseEpoch(release)).toBe(Date.UTC(2026, 8, 12, 7, 55, 41) / 1000);
    expect(() => releaseEpoch('Origin: Debian\n')).toThrow('no date');
  });
});

describe('options', () => {
  test('defaults, and values that are not known', () => {
    expect(readRootfsOptions([], '/r')).toMatchObject({
      profile: 'vm',
      architecture: 'amd64',
      cache: '/r/.cache/rootfs',
    });
    expect(() => readRootfsOptions(['--profile', 'tiny'], '/r')).toThrow('vm, lab, full');
    expect(() => readRootfsOptions(['--arch', 'i386'], '/r')).toThrow('amd64, arm64');
  });
});

describe('licences', () => {
  test('short names of a copyright file for machines, each once', () => {
    const text = [
      'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
      '',
      'Files: *',
      'License: GPL-2+',
      ' text',
      '',
      'Files: lib/*',
      'License: MIT',
      '',
      'License: GPL-2+',
    ].join('\n');
    expect(licencesOf(text)).toEqual(['GPL-2+', 'MIT']);
  });

  test('prose names none: nobody guesses', () => {
    expect(licencesOf('This is free software.\nLicense: yes\n')).toEqual([]);
  });
});
