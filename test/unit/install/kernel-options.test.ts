import { expect, test } from 'vitest';
import { keptOptions, optionsFile } from '../../../main/install/kernel-options.ts';

test('settings and consoles stay, what belongs to one start does not', () => {
  const line =
    'BOOT_IMAGE=vmlinuz vestibule.campus.servers=http://10.0.2.2:8080/ quiet loglevel=6 ' +
    'vestibule.boot.servers=http://10.0.2.2/ vestibule.boot.from=disk vestibule.install.profile=room ' +
    'console=ttyS0 initrd=initrd.img vestibule.campus.keys=lab:MCowBQYDK2VwAyEA+a/b= console=ttyS0';
  expect(keptOptions(line)).toBe(
    'vestibule.campus.servers=http://10.0.2.2:8080/ loglevel=6 console=ttyS0 ' +
      'vestibule.campus.keys=lab:MCowBQYDK2VwAyEA+a/b=',
  );
});

test("nothing reaches GRUB's script but plain words", () => {
  for (const word of [
    `vestibule.a='`,
    'vestibule.a="x"',
    'vestibule.a=$(x)',
    'vestibule.a=\\',
    'vestibule.a=`x`',
  ]) {
    expect(keptOptions(word)).toBe('');
  }
  expect(optionsFile('console=ttyS0')).toBe("set options='console=ttyS0'\n");
});

test('a line that the kernel would cut off is cut at a word', () => {
  const words = Array.from({ length: 100 }, (_, at) => `vestibule.setting${at}=${'x'.repeat(30)}`);
  const kept = keptOptions(words.join(' '));
  expect(kept.length).toBeLessThanOrEqual(1500);
  expect(words).toContain(kept.split(' ').at(-1));
});
