import { describe, expect, it } from 'vitest';
import {
  bootConfigurations,
  checkedOptions,
  commandLine,
  parseHosts,
} from '../../../squashfs/configurations.ts';

describe('boot configurations', () => {
  const hosts = parseHosts(`
# seats of B204
52:54:00:AB:cd:ef vestibule.kiosk.seat=01
5c1f3a52-6c39-4f0e-9f10-4f7d5a2b0001 vestibule.kiosk.seat=02 # by UUID
10.1.2.30 vestibule.kiosk.seat=03
`);
  const files = bootConfigurations({ servers: [], options: 'vestibule.kiosk.room=b204', hosts });

  it('have a file for each computer, named as the loaders ask', () => {
    expect([...files.keys()].sort()).toEqual([
      'boot.ipxe',
      'grub.cfg/default',
      'grub.cfg/ip-10.1.2.30',
      'grub.cfg/mac-52:54:00:ab:cd:ef',
      'grub.cfg/uuid-5c1f3a52-6c39-4f0e-9f10-4f7d5a2b0001',
      'grub/grub.cfg',
      'ipxe.cfg/default',
      'ipxe.cfg/ip-10.1.2.30',
      'ipxe.cfg/mac-52-54-00-ab-cd-ef',
      'ipxe.cfg/uuid-5c1f3a52-6c39-4f0e-9f10-4f7d5a2b0001',
      'pxelinux.cfg/01-52-54-00-ab-cd-ef',
      'pxelinux.cfg/0A01021E',
      'pxelinux.cfg/5c1f3a52-6c39-4f0e-9f10-4f7d5a2b0001',
      'pxelinux.cfg/default',
    ]);
    for (const [path, text] of files) {
      if (path.includes('30') || path.endsWith('1E'))
        expect(text).toContain('vestibule.kiosk.room=b204 vestibule.kiosk.seat=03');
      if (path.endsWith('/default')) expect(text).not.toContain('seat');
    }
  });

  it('leave no prompt', () => {
    const text = files.get('pxelinux.cfg/default') ?? '';
    for (const line of ['PROMPT 0', 'NOESCAPE 1', 'ALLOWOPTIONS 0']) expect(text).toContain(line);
  });

  it('name boot servers on the command line, or leave it to DHCP', () => {
    expect(commandLine({ servers: ['http://a/', 'http://b/v/'], options: 'x=1' })).toMatch(
      / vestibule\.boot\.servers=http:\/\/a\/,http:\/\/b\/v\/ x=1$/,
    );
    expect(commandLine({ servers: [], options: '' })).not.toContain('servers');
  });

  it.each(['a;reboot', '$(x)', '"x"', 'a\nb', '`x`', '{x}', 'a\\b', "'x'"])(
    'refuse what a loader would interpret: %j',
    (options) => {
      expect(() => checkedOptions(options, '--options')).toThrow(/--options/);
    },
  );

  it.each(['room7 x=1', '52:54:00:12:34 x', '10.0.0.256 x', '../etc x'])(
    'refuse a host that is none: %s',
    (line) => {
      expect(() => parseHosts(`\n${line}`)).toThrow(/line 2/);
    },
  );
});
