import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { importRdpFile } from '../../../main/sessions/rdp/import-rdp.ts';

const text = `screen mode id:i:2
use multimon:i:1
full address:s:desk.lab.example:3390
username:s:LAB\\anna
domain:s:LAB
audiomode:i:2
audiocapturemode:i:1
redirectprinters:i:1
redirectclipboard:i:0
redirectsmartcards:i:1
connection type:i:7
enablecredsspsupport:i:1
gatewayhostname:s:gate.example
loadbalanceinfo:s:tsv://MS Terminal Services Plugin.1.Lab
password 51:b:01000000D08C9DDF
`;

test.each([
  ['UTF-8', Buffer.from(text)],
  ['UTF-16 as mstsc writes it', Buffer.from(`\ufeff${text.replaceAll('\n', '\r\n')}`, 'utf16le')],
])('a file in %s', (_name, bytes) => {
  const { target, ignored } = importRdpFile(bytes);
  expect(target).toMatchObject({
    hosts: [{ host: 'desk.lab.example', port: 3390 }],
    user: 'LAB\\anna',
    domain: 'LAB',
    monitors: 'all',
    sound: 'off',
    microphone: true,
    printers: true,
    clipboard: false,
    network: 'auto',
    security: 'auto',
    loadBalanceInfo: 'tsv://MS Terminal Services Plugin.1.Lab',
    gateway: { host: 'gate.example', port: 443 },
  });
  expect(ignored).toEqual(['redirectsmartcards', 'password 51']);
  expect(JSON.stringify(target)).not.toContain('01000000D08C9DDF');
});

test('addresses in every form; the port may stand alone', () => {
  const host = (address: string, more = '') =>
    importRdpFile(Buffer.from(`full address:s:${address}\n${more}`)).target.hosts[0];
  expect(host('desk')).toMatchObject({ host: 'desk', port: 3389 });
  expect(host('desk', 'server port:i:4000')).toMatchObject({ host: 'desk', port: 4000 });
  expect(host('[2001:db8::1]:4001')).toMatchObject({ host: '2001:db8::1', port: 4001 });
  expect(host('2001:db8::1')).toMatchObject({ host: '2001:db8::1', port: 3389 });
});

test('what is no connection file is refused with a code', () => {
  for (const bad of ['', 'full address:s:', 'full address:s:-x', 'full address:s:h:99999']) {
    expect(() => importRdpFile(Buffer.from(bad))).toThrow(KioskError);
  }
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), (line, bytes) => {
      for (const input of [bytes, Buffer.from(`full address:s:h\n${line}`)]) {
        try {
          importRdpFile(input);
        } catch (error) {
          expect(error).toBeInstanceOf(KioskError);
        }
      }
    }),
  );
});
