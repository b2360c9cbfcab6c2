/** RDP in the page, the pure parts: digests and ciphers, NTLM, CredSSP and RDCleanPath messages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildTsRequest, parseTsRequest } from '../../../main/sessions/rdp/embedded/credssp.ts';
import {
  contextTag,
  DerError,
  DerReader,
  der,
  derHeader,
  derInteger,
  derOctets,
  derText,
  TAG,
} from '../../../main/sessions/rdp/embedded/der.ts';
import { md4 } from '../../../main/sessions/rdp/embedded/md4.ts';
import {
  authenticateMessage,
  NtlmError,
  NtlmSecurity,
  negotiateMessage,
  parseChallenge,
  wideBytes,
} from '../../../main/sessions/rdp/embedded/ntlm.ts';
import { Rc4 } from '../../../main/sessions/rdp/embedded/rc4.ts';
import {
  buildResponse,
  parseRequest,
  requestLength,
} from '../../../main/sessions/rdp/embedded/rdcleanpath.ts';

const bytes = (options?: fc.IntArrayConstraints) =>
  fc.uint8Array(options).map((value) => Buffer.from(value));

/** Whatever comes: the parser answers, or throws its own error. */
function survives(parse: (input: Buffer) => unknown, ...errors: (new () => Error)[]): void {
  fc.assert(
    fc.property(bytes({ maxLength: 400 }), (input) => {
      try {
        parse(input);
      } catch (error) {
        if (!errors.some((kind) => error instanceof kind)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
}

describe('digests and ciphers', () => {
  test.each([
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
    ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
    ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
    [
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
      '043f8582f241db351ce627e153e7f0e4',
    ],
    ['1234567890'.repeat(8), 'e33b4ddc9c38f2199c3e7b164fcc0536'],
  ])('MD4 of "%s" (RFC 1320)', (text, digest) => {
    expect(md4(Buffer.from(text)).toString('hex')).toBe(digest);
  });

  test.each([
    ['0102030405', 'b2396305f03dc027ccc3524a0a1118a8'],
    ['0102030405060708090a0b0c0d0e0f10', '9ac7cc9a609d1ef7b2932899cde41b97'],
  ])('RC4 with key %s (RFC 6229)', (key, stream) => {
    expect(new Rc4(Buffer.from(key, 'hex')).apply(Buffer.alloc(16)).toString('hex')).toBe(stream);
  });

  test('UTF-8 becomes UTF-16 as strings do it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const well = text.toWellFormed();
        expect(wideBytes(Buffer.from(well, 'utf8'))).toEqual(Buffer.from(well, 'utf16le'));
      }),
    );
  });
});

/** The example of MS-NLMP 4.2.4: user "User", domain "Domain", password "Password". */
describe('NTLMv2', () => {
  const challenge = Buffer.concat([
    Buffer.from('4e544c4d53535000020000000c000c0038000000', 'hex'),
    Buffer.from('33828a62', 'hex'),
    Buffer.from('0123456789abcdef0000000000000000', 'hex'),
    Buffer.from('240024004400000006007017', 'hex'),
    Buffer.from('0000000f', 'hex'),
    Buffer.from('Server', 'utf16le'),
    Buffer.from('02000c0044006f006d00610069006e00', 'hex'),
    Buffer.from('01000c005300650072007600650072000000', 'hex'),
    Buffer.from('0000', 'hex'),
  ]);
  const person = { user: 'User', domain: 'Domain', password: Buffer.from('Password') };
  const chance = {
    client: Buffer.alloc(8, 0xaa),
    sessionKey: Buffer.alloc(16, 0x55),
    now: -11_644_473_600_000,
  };

  test('the LMv2 response of the example', () => {
    const { message } = authenticateMessage(parseChallenge(challenge), person, 'x', chance);
    const at = message.readUInt32LE(16);
    expect(message.subarray(at, at + 24).toString('hex')).toBe(
      '86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa',
    );
  });

  test('the fields lie inside of the message, one after the other', () => {
    const { message } = authenticateMessage(parseChallenge(challenge), person, 'x', chance);
    let end = 88;
    for (let at = 12; at <= 52; at += 8) {
      expect(message.readUInt32LE(at + 4)).toBe(end);
      end += message.readUInt16LE(at);
    }
    expect(end).toBe(message.length);
    expect(message.subarray(72, 88).equals(Buffer.alloc(16))).toBe(false);
  });

  test('sealing as in the example, and its opening', () => {
    const security = new NtlmSecurity(chance.sessionKey);
    expect(security.seal(Buffer.from('Plaintext', 'utf16le')).toString('hex')).toBe(
      '010000007fb38ec5c55d497600000000' + '54e50165bf1936dc996020c1811b0f06fb5f',
    );
  });

  test('what nobody sealed is not opened', () => {
    const security = new NtlmSecurity(chance.sessionKey);
    expect(() => security.open(Buffer.alloc(40))).toThrow(NtlmError);
    expect(() => security.open(Buffer.alloc(3))).toThrow(NtlmError);
  });

  test('a server that offers no sealing is refused', () => {
    const weak = Buffer.from(challenge);
    weak.writeUInt32LE(0x0000_0201, 20);
    expect(() => parseChallenge(weak)).toThrow(NtlmError);
  });

  test('no challenge breaks the reader', () => {
    survives(parseChallenge, NtlmError as never);
    // Also behind a right beginning.
    fc.assert(
      fc.property(bytes({ minLength: 0, maxLength: 200 }), fc.nat(80), (noise, at) => {
        const broken = Buffer.from(challenge);
        noise.copy(broken, Math.min(24 + at, broken.length));
        try {
          authenticateMessage(parseChallenge(broken), person, 'TERMSRV/x', chance);
        } catch (error) {
          expect(error).toBeInstanceOf(NtlmError);
        }
      }),
    );
  });
});

describe('CredSSP', () => {
  test('what is built is read', () => {
    const optional = fc.option(bytes({ maxLength: 300 }), { nil: undefined });
    fc.assert(
      fc.property(optional, optional, optional, optional, (token, authInfo, key, nonce) => {
        const request = { version: 6, token, authInfo, pubKeyAuth: key, clientNonce: nonce };
        expect(parseTsRequest(buildTsRequest(request))).toEqual({
          ...request,
          errorCode: undefined,
        });
      }),
    );
  });

  test('an NTSTATUS is a negative number', () => {
    const answer = der(
      TAG.sequence,
      der(contextTag(0), derInteger(6)),
      der(contextTag(4), der(TAG.integer, Buffer.from('c000006d', 'hex'))),
    );
    expect(parseTsRequest(answer).errorCode).toBe(0xc000_006d);
  });

  test('nothing breaks the reader', () => survives(parseTsRequest, DerError as never));

  test('our first message is NTLM', () => {
    expect(negotiateMessage().subarray(0, 12).toString('hex')).toBe('4e544c4d5353500001000000');
  });
});

describe('DER', () => {
  test('lengths of every size', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 127, 128, 255, 256, 65_535, 65_536), (length) => {
        const value = der(TAG.octetString, Buffer.alloc(length, 7));
        expect(derHeader(value)).toMatchObject({ tag: TAG.octetString, length });
        expect(new DerReader(value).take(TAG.octetString).length).toBe(length);
      }),
    );
  });

  test('numbers', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        expect(new DerReader(derInteger(value)).integer()).toBe(value);
      }),
    );
  });

  test.each(['3080', '30817f', '30820001', '3084ffffffff'])('%s is no length', (hex) => {
    expect(() => derHeader(Buffer.from(hex, 'hex'))).toThrow(DerError);
  });
});

describe('RDCleanPath', () => {
  const request = (version: number, ...fields: Buffer[]): Buffer =>
    der(TAG.sequence, der(contextTag(0), derInteger(version)), ...fields);
  const x224 = Buffer.from('030000130ee000000000000100080001000000', 'hex');

  test('a request, with fields that are not for us', () => {
    const pdu = request(
      3390,
      der(contextTag(2), derText('ts1:3389')),
      der(contextTag(3), derText('token')),
      der(contextTag(5), derText('blob')),
      der(contextTag(6), derOctets(x224)),
    );
    expect(requestLength(pdu)).toBe(pdu.length);
    expect(requestLength(pdu.subarray(0, 1))).toBeUndefined();
    expect(parseRequest(pdu)).toEqual({ destination: 'ts1:3389', proxyAuth: 'token', x224 });
  });

  test('another version, and a request without its connection request', () => {
    expect(() => parseRequest(request(3391, der(contextTag(6), derOctets(x224))))).toThrow(
      DerError,
    );
    expect(() => parseRequest(request(3390))).toThrow(DerError);
  });

  test('what is no request is known at its first byte, one that is too long at its head', () => {
    expect(() => requestLength(Buffer.from([0x16, 0x03, 0x01]))).toThrow(DerError);
    expect(() => requestLength(Buffer.from('30820fffff', 'hex'))).not.toThrow();
    expect(() => requestLength(Buffer.from('3083100000', 'hex'))).toThrow(DerError);
  });

  test('the answer, byte for byte', () => {
    const answer = buildResponse({
      confirm: Buffer.from([1, 2]),
      chain: [Buffer.from([3])],
      address: 'a',
    });
    expect(answer.toString('hex')).toBe('3018a00402020d3ea60404020102a7053003040103a9030c0161');
  });

  test('nothing breaks the reader', () => survives(parseRequest, DerError as never));
});
