/** What the bridge changes in the page's first messages. */

import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mendDeactivation } from '../../../main/sessions/rdp/embedded/deactivate.ts';
import { placeholderCertificate } from '../../../main/sessions/rdp/embedded/placeholder.ts';
import {
  ClientRewriter,
  RewriteError,
  type Rewrites,
} from '../../../main/sessions/rdp/embedded/rewrite.ts';

const rewrites = (changes: Partial<Rewrites> = {}): Rewrites => ({
  user: 'anna',
  domain: 'LAB',
  password: Buffer.from('Geheim€'),
  serverSelectedProtocol: 2,
  keyboardLayout: 0x0000_040c,
  ...changes,
});

function tpkt(...parts: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from('02f080', 'hex'), ...parts]);
  const head = Buffer.from([3, 0, 0, 0]);
  head.writeUInt16BE(body.length + 4, 2);
  return Buffer.concat([head, body]);
}

/** MCS Connect Initial as IronRDP sends it, its core data at the end. */
function connectInitial(core: Buffer): Buffer {
  const blocks = Buffer.concat([Buffer.from('04c00c000900000000000000', 'hex'), core]);
  const per = Buffer.from([0x80 | (blocks.length >> 8), blocks.length & 0xff]);
  const data = Buffer.concat([
    Buffer.from('000500147c000181220008001000' + '01c00044756361', 'hex'),
    per,
    blocks,
  ]);
  const long = (tag: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]), content]);
  const parameters = Buffer.from(
    '301a020122020102020100020101020100020101020300ffff020102'.replace('301a', '301a'),
    'hex',
  );
  const content = Buffer.concat([
    Buffer.from('0401010401010101ff', 'hex'),
    parameters,
    parameters,
    parameters,
    long(4, data),
  ]);
  return tpkt(Buffer.from([0x7f, 0x65, 0x82, content.length >> 8, content.length & 0xff]), content);
}

function core(): Buffer {
  const block = Buffer.alloc(216);
  block.writeUInt16LE(0xc001, 0);
  block.writeUInt16LE(216, 2);
  block.writeUInt32LE(1, 212);
  return block;
}

function clientInfo(texts: readonly string[], extra: Buffer, flags = 0x0001_0033): Buffer {
  const wide = texts.map((text) => Buffer.from(text, 'utf16le'));
  const head = Buffer.alloc(18);
  head.writeUInt32LE(flags, 4);
  wide.forEach((text, index) => {
    head.writeUInt16LE(text.length, 8 + index * 2);
  });
  const body = Buffer.concat([
    Buffer.from([0x40, 0, 0, 0]),
    head,
    ...wide.flatMap((text) => [text, Buffer.alloc(2)]),
    extra,
  ]);
  return tpkt(
    Buffer.from('64000703eb70', 'hex'),
    Buffer.from([0x80 | (body.length >> 8), body.length & 0xff]),
    body,
  );
}

/** The five texts and what follows them, read from a message as a server would. */
function read(message: Buffer): { flags: number; texts: string[]; extra: Buffer } {
  expect(message.readUInt16BE(2)).toBe(message.length);
  expect(message.readUInt16BE(13) & 0x3fff).toBe(message.length - 15);
  const info = message.subarray(19);
  const texts: string[] = [];
  let at = 18;
  for (let index = 0; index < 5; index++) {
    const length = info.readUInt16LE(8 + index * 2);
    texts.push(info.subarray(at, at + length).toString('utf16le'));
    at += length + 2;
  }
  return { flags: info.readUInt32LE(4), texts, extra: info.subarray(at) };
}

const EXTRA = Buffer.from('0200100031003200', 'hex');
const NOBODY = ['', 'kiosk', 'none', 'shell', 'dir'];
const AUTOLOGON = 8;

describe('the core data', () => {
  test('gets the protocol, the layout and the colours', () => {
    const out = new ClientRewriter(rewrites()).push(connectInitial(core()));
    const block = out.subarray(out.length - 216);
    expect(block.readUInt32LE(16)).toBe(0x40c);
    expect(block.readUInt32LE(20)).toBeGreaterThan(419);
    expect(block.readUInt16LE(140)).toBe(24);
    expect(block.readUInt16LE(142)).toBe(15);
    expect(block.readUInt16LE(144) & 2).toBe(2);
    expect(block.readUInt32LE(212)).toBe(2);
  });

  test('a short block, and a message without one', () => {
    const short = core().subarray(0, 128);
    short.writeUInt16LE(128, 2);
    for (const broken of [short, Buffer.alloc(0)]) {
      expect(() => new ClientRewriter(rewrites()).push(connectInitial(broken))).toThrow(
        RewriteError,
      );
    }
  });
});

describe('the client information', () => {
  test('gets name, domain and password, and keeps the rest', () => {
    const rewriter = new ClientRewriter(rewrites());
    const { flags, texts, extra } = read(rewriter.push(clientInfo(NOBODY, EXTRA)));
    expect(texts).toEqual(['LAB', 'anna', 'Geheim€', 'shell', 'dir']);
    expect(flags & AUTOLOGON).toBe(AUTOLOGON);
    expect(extra).toEqual(EXTRA);
    expect(rewriter.done).toBe(true);
  });

  test('without a password the server asks by itself', () => {
    const { flags, texts } = read(
      new ClientRewriter(rewrites({ password: undefined })).push(clientInfo(NOBODY, EXTRA)),
    );
    expect(texts.slice(0, 3)).toEqual(['LAB', 'anna', '']);
    expect(flags & AUTOLOGON).toBe(0);
  });

  test('however the bytes are cut, and whatever follows, the server gets the same', () => {
    const start = Buffer.concat([
      connectInitial(core()),
      Buffer.from('0300000c02f0800401000100', 'hex'),
      Buffer.from('0300000802f08028', 'hex'),
      clientInfo(NOBODY, EXTRA),
    ]);
    const whole = new ClientRewriter(rewrites()).push(start);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(fc.nat(900)), (after, cuts) => {
        const input = Buffer.concat([start, after]);
        const places = [...new Set([0, ...cuts.filter((cut) => cut < input.length), input.length])];
        places.sort((a, b) => a - b);
        const rewriter = new ClientRewriter(rewrites());
        const out = places.slice(1).map((to, index) => {
          return rewriter.push(input.subarray(places[index], to));
        });
        expect(Buffer.concat(out)).toEqual(Buffer.concat([whole, after]));
      }),
    );
  });

  test('what is not Unicode, and texts that end outside, are refused', () => {
    const ansi = clientInfo(NOBODY, EXTRA, 0x23);
    expect(() => new ClientRewriter(rewrites()).push(ansi)).toThrow(RewriteError);
    const long = clientInfo(NOBODY, Buffer.alloc(0));
    long.writeUInt16LE(5_000, 19 + 8);
    expect(() => new ClientRewriter(rewrites()).push(long)).toThrow(RewriteError);
  });
});

test('nothing breaks it, and nothing else than RDP passes', () => {
  expect(() => new ClientRewriter(rewrites()).push(Buffer.from('GET / HTTP/1.1'))).toThrow(
    RewriteError,
  );
  const valid = Buffer.concat([connectInitial(core()), clientInfo(NOBODY, EXTRA)]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (changes) => {
        const broken = Buffer.from(valid);
        for (const [at, value] of changes) broken[at] = value;
        try {
          new ClientRewriter(rewrites()).push(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(RewriteError);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

test('the certificate for the page is one, and names nobody', () => {
  const certificate = new X509Certificate(placeholderCertificate());
  expect(certificate.subject).toBe('CN=display');
  expect(certificate.publicKey.asymmetricKeyType).toBe('rsa');
});

describe("xrdp's short Deactivate All", () => {
  const short = Buffer.from('0300001402f08068000503eb700606001600ee03', 'hex');

  test('gets the share and source that it lacks', () => {
    expect(mendDeactivation(short).toString('hex')).toBe(
      '0300001b02f08068000503eb700d0d001600ee0300000000010000',
    );
  });

  test('anything else passes as it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (record) => {
        const bytes = Buffer.from(record);
        expect(mendDeactivation(bytes)).toBe(bytes);
      }),
    );
    const demand = Buffer.from(short);
    demand[16] = 0x11;
    expect(mendDeactivation(demand)).toBe(demand);
  });
});
