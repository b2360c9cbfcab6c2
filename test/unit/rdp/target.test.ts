import fc from 'fast-check';
import { expect, test } from 'vitest';
import { viewerArguments } from '../../../main/sessions/rdp/arguments.ts';
import { RdpTarget } from '../../../main/sessions/rdp/target.ts';

const fingerprint = 'ab'.repeat(32);

function argumentsOf(target: object, plan: { major?: 2 | 3; protocol?: 'classic' | 'nla' } = {}) {
  const parsed = RdpTarget.parse({ hosts: [{ host: 'desk.example' }], ...target });
  const [host] = parsed.hosts;
  if (host === undefined) throw new Error('no host');
  const protocol = plan.protocol ?? 'nla';
  return viewerArguments({
    major: plan.major ?? 3,
    target: parsed,
    host,
    protocol,
    fingerprints: protocol === 'classic' ? [] : [fingerprint],
    user: 'anna',
    domain: parsed.domain,
    windowClass: 'vestibule-s-1',
    title: 'Desk',
    drives: parsed.drives,
    fullScreen: true,
  });
}

test('the certificate that was checked is always passed, and never "ignore"', () => {
  const args = argumentsOf({});
  expect(args).toContain(`/cert:fingerprint:sha256:${Array(32).fill('ab').join(':')}`);
  expect(argumentsOf({}, { protocol: 'classic' })).toEqual(
    expect.arrayContaining(['/cert:deny', '/sec:rdp']),
  );
});

test('what an entry asks for, in both syntaxes', () => {
  const target = {
    domain: 'LAB',
    keyboard: 'fr',
    sound: 'off',
    microphone: true,
    printers: true,
    monitors: 'all',
    clipboard: false,
    resize: false,
    network: 'wan',
    loadBalanceInfo: 'tsv://MS Terminal Services Plugin.1.Lab',
    drives: [{ name: 'Home', path: '/home/kiosk' }],
  };
  expect(argumentsOf(target)).toEqual(
    expect.arrayContaining([
      '/v:desk.example:3389',
      '/sec:nla',
      '/u:anna',
      '/d:LAB',
      '/from-stdin:force',
      '/kbd:layout:0x0000040c',
      '/audio-mode:2',
      '/microphone',
      '/printer',
      '/multimon',
      '-clipboard',
      '/network:wan',
      '/load-balance-info:tsv://MS Terminal Services Plugin.1.Lab',
      '/drive:Home,/home/kiosk',
    ]),
  );
  expect(argumentsOf(target)).not.toContain('/dynamic-resolution');
  expect(argumentsOf(target, { major: 2 })).toContain('/kbd:0x0000040c');
  expect(argumentsOf({ hosts: [{ host: '2001:db8::1', port: 3390 }] })).toContain(
    '/v:[2001:db8::1]:3390',
  );
});

test('no text of an entry becomes another option', () => {
  const words = ['user', 'domain', 'loadBalanceInfo'] as const;
  fc.assert(
    fc.property(fc.constantFrom(...words), fc.string({ unit: 'grapheme' }), (field, text) => {
      const parsed = RdpTarget.safeParse({ hosts: [{ host: 'h' }], [field]: text });
      if (!parsed.success) return;
      const plain = argumentsOf({});
      const args = argumentsOf({ [field]: text });
      expect(args.length).toBeLessThanOrEqual(plain.length + 1);
      expect(args.every((argument) => /^[/+-]/.test(argument))).toBe(true);
    }),
  );
});

test.each([
  { hosts: [] },
  { hosts: [{ host: '-oops' }] },
  { hosts: [{ host: '/p:x' }] },
  { hosts: [{ host: 'a b' }] },
  { hosts: [{ host: 'h', port: 0 }] },
  { hosts: [{ host: 'h' }], password: 'x' },
  { hosts: [{ host: 'h' }], user: 'a\nb' },
  { hosts: [{ host: 'h' }], keyboard: 'klingon' },
  { hosts: [{ host: 'h' }], certificate: { pins: ['abc'] } },
  { hosts: [{ host: 'h' }], drives: [{ name: 'a,b', path: '/x' }] },
  { hosts: [{ host: 'h' }], drives: [{ name: 'a', path: 'x' }] },
])('is refused: %j', (target) => {
  expect(RdpTarget.safeParse(target).success).toBe(false);
});

test('pins are read with or without colons', () => {
  const colons = Array(32).fill('AB').join(':');
  expect(
    RdpTarget.parse({ hosts: [{ host: '[::1]' }], certificate: { pins: [colons] } }),
  ).toMatchObject({ hosts: [{ host: '::1', port: 3389 }], certificate: { pins: [fingerprint] } });
});

test('a gateway in both syntaxes, held to its certificate too', () => {
  const target = { gateway: { host: 'rdg.example' } };
  expect(argumentsOf(target)).toContain('/gateway:g:rdg.example:443,usage-method:direct');
  const old = argumentsOf({ gateway: { host: '2001:db8::1', port: 8443 } }, { major: 2 });
  expect(old).toEqual(
    expect.arrayContaining(['/g:[2001:db8::1]:8443', '/gateway-usage-method:direct']),
  );
});
