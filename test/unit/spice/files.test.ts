import { expect, test } from 'vitest';
import { subjectMatches } from '../../../main/sessions/spice/subject.ts';
import { connectionOf, SpiceTarget } from '../../../main/sessions/spice/target.ts';
import { looksLikeVvFile, parseVvFile, writeVvFile } from '../../../main/sessions/spice/vv-file.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

test('a Proxmox file: ticket in the host, proxy, subject, authority', () => {
  const target = parseVvFile(
    [
      '[virt-viewer]',
      'type=spice',
      'host=pvespiceproxy:5f1e:100:node1::a0b1c2',
      'tls-port=61000',
      'proxy=http://node1.example.org:3128',
      'password=0123abcd',
      'host-subject=OU=PVE Cluster Node,O=Proxmox Virtual Environment,CN=node1',
      `ca=${PEM.replaceAll('\n', '\\n')}`,
      'delete-this-file=1',
      'secure-attention=Ctrl+Alt+Ins',
    ].join('\n'),
  );
  expect(connectionOf(target)).toEqual({
    endpoint: {
      type: 'tls',
      host: 'pvespiceproxy:5f1e:100:node1::a0b1c2',
      port: 61000,
      ca: PEM,
      hostSubject: 'OU=PVE Cluster Node,O=Proxmox Virtual Environment,CN=node1',
      fingerprint: undefined,
      proxy: { host: 'node1.example.org', port: 3128 },
    },
    password: '0123abcd',
  });
});

test('an oVirt file: -1 is no port, its own group is passed over, a comma stays escaped', () => {
  const text = [
    '[virt-viewer]',
    'type=spice',
    'host=hv1.example.org',
    'port=-1',
    'tls-port=5901',
    'password=secret',
    '# a comment',
    'host-subject=O=Kiosk Lab,OU=hv\\\\,eu,CN=hv1',
    '[ovirt]',
    'host=engine.example.org',
    'password=not this one',
  ].join('\r\n');
  expect(looksLikeVvFile(text)).toBe(true);
  const target = parseVvFile(text);
  expect(target).toMatchObject({ host: 'hv1.example.org', tlsPort: 5901, password: 'secret' });
  expect(target.port).toBeUndefined();
  expect(target.hostSubject).toBe('O=Kiosk Lab,OU=hv\\,eu,CN=hv1');
});

test.each([
  ['another type', '[virt-viewer]\ntype=vnc\nhost=a\nport=1'],
  ['no port', '[virt-viewer]\ntype=spice\nhost=a'],
  ['no host', '[virt-viewer]\ntype=spice\nport=5900'],
  ['a port that is none', '[virt-viewer]\ntype=spice\nhost=a\nport=70000'],
  ['nothing', ''],
  ['too much', `[virt-viewer]\n${'x=1\n'.repeat(100_000)}`],
])('refused: %s', (_what, text) => {
  expect(() => parseVvFile(text)).toThrow(
    expect.objectContaining({ code: 'REMOTE_NEGOTIATION_FAILED' }),
  );
});

test('what is written for the viewer reads back the same, TLS without the plain port', () => {
  const connection = connectionOf(
    SpiceTarget.parse({
      host: 'hv',
      port: 5900,
      tlsPort: 5901,
      ca: PEM,
      hostSubject: 'O=a\\,b,CN=c',
      password: 'back\\slash',
      proxy: 'proxy:3128',
    }),
  );
  const text = writeVvFile(connection, 'A title');
  expect(text).not.toMatch(/^port=/m);
  expect(text.split('\n').filter((line) => line.startsWith('ca='))).toHaveLength(1);
  expect(connectionOf(parseVvFile(text))).toEqual(connection);
});

test('a title cannot add a line', () => {
  const connection = connectionOf(SpiceTarget.parse({ host: 'hv', port: 5900 }));
  expect(writeVvFile(connection, 'a\nhost=evil')).toContain('title=a\\nhost=evil\n');
});

test.each([
  ['O=Lab\nCN=hv1', 'O=Lab,CN=hv1', true],
  ['O=Kiosk Lab\nOU=hv\\,eu\nCN=hv1', 'O=Kiosk Lab,OU=hv\\,eu,CN=hv1', true],
  ['O=Lab\nCN=hv1', 'CN=hv1,O=Lab', false],
  ['O=Lab\nCN=hv1', 'O=Lab,CN=hv2', false],
  ['O=Lab\nCN=hv1', 'O=Lab', false],
  ['O=Lab', 'O=Lab,CN=hv1', false],
  ['CN=Universit\\C3\\A9', 'CN=Université', true],
  ['CN=a', '', false],
  ['', '', false],
])('subject %j against %j: %s', (certificate, wanted, same) => {
  expect(subjectMatches(certificate, wanted)).toBe(same);
});
