import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  formatRootDescription,
  openRootDescription,
  parseRootDescription,
  type RootDescription,
  signRootDescription,
} from '../../../main/install/root-description.ts';

const ROOT: RootDescription = {
  format: '1',
  version: '0.1.0-abc',
  architecture: 'amd64',
  kernel: '6.12.57+deb13-amd64',
  size: 8192 + 4096,
  sha256: 'a'.repeat(64),
  hashOffset: 8192,
  rootHash: 'b'.repeat(64),
  salt: 'c'.repeat(64),
  vmlinuzSha256: 'd'.repeat(64),
  initrdSha256: 'e'.repeat(64),
};
const pair = () =>
  generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

describe('root.cfg', () => {
  it('reads what it writes', () => {
    expect(parseRootDescription(formatRootDescription(ROOT))).toEqual(ROOT);
  });

  it.each([
    ['a key twice', (text: string) => `${text}size=1\n`],
    ['an unknown key', (text: string) => `${text}init=/bin/sh\n`],
    ['a missing key', (text: string) => text.replace(/^salt=.*\n/m, '')],
    ['a line without a key', (text: string) => `${text}=x\n`],
    ['a number in another notation', (text: string) => text.replace('size=12288', 'size=0x3000')],
    ['a short hash', (text: string) => text.replace('rootHash=bb', 'rootHash=')],
    ['a path as version', (text: string) => text.replace('0.1.0-abc', '../x')],
    ['a tree outside the file', (text: string) => text.replace('=8192', '=12288')],
    ['a tree between blocks', (text: string) => text.replace('=8192', '=8193')],
    ['another format', (text: string) => text.replace('format=1', 'format=2')],
  ])('refuses %s', (_, change) => {
    const text = change(formatRootDescription(ROOT));
    expect(() => parseRootDescription(text)).toThrow(
      expect.objectContaining({ code: 'IMAGE_MANIFEST_INVALID' }),
    );
  });

  it('is believed under any of the kiosk’s keys, and under no other', () => {
    const [old, current, foreign] = [pair(), pair(), pair()];
    const text = formatRootDescription(ROOT);
    const signature = signRootDescription(text, current.privateKey);
    expect(signature).toHaveLength(64);
    expect(openRootDescription(text, signature, [old.publicKey, current.publicKey])).toEqual(ROOT);
    const wrong = expect.objectContaining({ code: 'MANIFEST_SIGNATURE_WRONG' });
    expect(() => openRootDescription(text, signature, [foreign.publicKey])).toThrow(wrong);
    expect(() => openRootDescription(`${text}\n`, signature, [current.publicKey])).toThrow(wrong);
    expect(() => openRootDescription(text, new Uint8Array(0), [current.publicKey])).toThrow(wrong);
  });
});
