/**
 * The client's side of NTLMv2 with message integrity and sealing (MS-NLMP): three messages, and
 * the keys that CredSSP seals with. Pure but for random bytes; servers' messages are
 * bounds-checked.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { md4 } from './md4.ts';
import { Rc4 } from './rc4.ts';

export interface Credentials {
  readonly user: string;
  /** Empty for none, and for names such as `anna@lab.example`. */
  readonly domain: string;
  /** UTF-8; the caller zeroes it. */
  readonly password: Uint8Array;
}

export class NtlmError extends Error {
  override readonly name = 'NtlmError';
}

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');
const MESSAGE = { negotiate: 1, challenge: 2, authenticate: 3 } as const;
const FLAG = {
  unicode: 0x1,
  requestTarget: 0x4,
  sign: 0x10,
  seal: 0x20,
  ntlm: 0x200,
  alwaysSign: 0x8000,
  extendedSecurity: 0x8_0000,
  targetInfo: 0x80_0000,
  version: 0x200_0000,
  key128: 0x2000_0000,
  keyExchange: 0x4000_0000,
} as const;
const FLAGS = Object.values(FLAG).reduce((bits, flag) => bits + flag, 0);
/** Without these there is no key to seal with. */
const REQUIRED = FLAG.unicode | FLAG.extendedSecurity | FLAG.key128 | FLAG.keyExchange | FLAG.seal;
/** Of target information (MS-NLMP 2.2.2.1). */
const AV = { end: 0, flags: 6, timestamp: 7, targetName: 9, channelBindings: 10 } as const;
const AV_FLAG_INTEGRITY = 2;
/** Windows 10, NTLM revision 15. */
const VERSION = Buffer.from([10, 0, 0x63, 0x45, 0, 0, 0, 15]);
const CHALLENGE_FIXED = 48;
const AUTHENTICATE_FIXED = 88;
const MIC_AT = 72;
/** Between 1601 and 1970, in units of 100 ns. */
const EPOCH = 116_444_736_000_000_000n;

export interface Challenge {
  readonly flags: number;
  /** 8 bytes. */
  readonly server: Buffer;
  readonly target: readonly AvPair[];
  /** The message as it came: the integrity code covers it. */
  readonly bytes: Buffer;
}

interface AvPair {
  readonly id: number;
  readonly value: Buffer;
}

export function negotiateMessage(): Buffer {
  const message = Buffer.alloc(40);
  SIGNATURE.copy(message);
  message.writeUInt32LE(MESSAGE.negotiate, 8);
  message.writeUInt32LE(FLAGS, 12);
  // No domain and no workstation: both fields are empty and lie at the end.
  message.writeUInt32LE(message.length, 20);
  message.writeUInt32LE(message.length, 28);
  VERSION.copy(message, 32);
  return message;
}

/** @throws NtlmError where the message is malformed or offers too little */
export function parseChallenge(bytes: Buffer): Challenge {
  if (bytes.length < CHALLENGE_FIXED || !bytes.subarray(0, 8).equals(SIGNATURE)) {
    throw new NtlmError('the server does not speak NTLM');
  }
  if (bytes.readUInt32LE(8) !== MESSAGE.challenge) throw new NtlmError('it is no challenge');
  const flags = bytes.readUInt32LE(20);
  if ((flags & REQUIRED) >>> 0 !== REQUIRED) throw new NtlmError('the server offers no sealing');
  const length = bytes.readUInt16LE(40);
  const at = bytes.readUInt32LE(44);
  if (at + length > bytes.length) throw new NtlmError('the target lies outside of the message');
  return {
    flags,
    server: bytes.subarray(24, 32),
    target: parseTarget(bytes.subarray(at, at + length)),
    bytes,
  };
}

function parseTarget(bytes: Buffer): AvPair[] {
  const pairs: AvPair[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const id = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (id === AV.end) break;
    if (at + 4 + length > bytes.length) throw new NtlmError('the target ends early');
    pairs.push({ id, value: bytes.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return pairs;
}

export interface Answer {
  readonly message: Buffer;
  readonly security: NtlmSecurity;
}

/** What the answer contains that is not derived; for test vectors. */
export interface Chance {
  /** 8 bytes. */
  readonly client: Buffer;
  /** 16 bytes. */
  readonly sessionKey: Buffer;
  /** Since the epoch, milliseconds. */
  readonly now: number;
}

/** @param service the name by which the server knows itself, e.g. `TERMSRV/ts1.lab.example` */
export function authenticateMessage(
  challenge: Challenge,
  { user, domain, password }: Credentials,
  service: string,
  chance: Chance = { client: randomBytes(8), sessionKey: randomBytes(16), now: Date.now() },
): Answer {
  const key = ntlmV2Key(user, domain, password);
  const stamp = challenge.target.find(({ id }) => id === AV.timestamp)?.value;
  const time = stamp?.length === 8 ? stamp : fileTime(chance.now);
  const blob = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
    time,
    chance.client,
    Buffer.alloc(4),
    targetInformation(challenge.target, service),
    Buffer.alloc(4),
  ]);
  const proof = hmac(key, challenge.server, blob);
  const baseKey = hmac(key, proof);
  const lm =
    stamp === undefined
      ? Buffer.concat([hmac(key, challenge.server, chance.client), chance.client])
      : Buffer.alloc(24);
  const message = layOut((challenge.flags & FLAGS) >>> 0, [
    lm,
    Buffer.concat([proof, blob]),
    utf16(domain),
    utf16(user),
    Buffer.alloc(0),
    new Rc4(baseKey).apply(chance.sessionKey),
  ]);
  hmac(chance.sessionKey, negotiateMessage(), challenge.bytes, message).copy(message, MIC_AT);
  const security = new NtlmSecurity(chance.sessionKey);
  for (const secret of [key, baseKey]) secret.fill(0);
  return { message, security };
}

/** NTOWFv2 (MS-NLMP 3.3.2). */
function ntlmV2Key(user: string, domain: string, password: Uint8Array): Buffer {
  const wide = wideBytes(password);
  const hash = md4(wide);
  wide.fill(0);
  const key = hmac(hash, utf16(user.toUpperCase() + domain));
  hash.fill(0);
  return key;
}

function layOut(flags: number, fields: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(AUTHENTICATE_FIXED);
  SIGNATURE.copy(head);
  head.writeUInt32LE(MESSAGE.authenticate, 8);
  let at = AUTHENTICATE_FIXED;
  fields.forEach((field, index) => {
    const place = 12 + index * 8;
    head.writeUInt16LE(field.length, place);
    head.writeUInt16LE(field.length, place + 2);
    head.writeUInt32LE(at, place + 4);
    at += field.length;
  });
  head.writeUInt32LE(flags, 60);
  VERSION.copy(head, 64);
  return Buffer.concat([head, ...fields]);
}

function targetInformation(target: readonly AvPair[], service: string): Buffer {
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(AV_FLAG_INTEGRITY);
  const own: readonly AvPair[] = [
    { id: AV.flags, value: flags },
    { id: AV.channelBindings, value: Buffer.alloc(16) },
    { id: AV.targetName, value: utf16(service) },
    { id: AV.end, value: Buffer.alloc(0) },
  ];
  const kept = target.filter(({ id }) => !own.some((pair) => pair.id === id));
  return Buffer.concat(
    [...kept, ...own].map(({ id, value }) => {
      const head = Buffer.alloc(4);
      head.writeUInt16LE(id, 0);
      head.writeUInt16LE(value.length, 2);
      return Buffer.concat([head, value]);
    }),
  );
}

function fileTime(now: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(now) * 10_000n + EPOCH);
  return bytes;
}

/** Seals what the client says and opens what the server says (MS-NLMP 3.4). */
export class NtlmSecurity {
  readonly #client: Direction;
  readonly #server: Direction;

  /** @param sessionKey 16 bytes */
  constructor(sessionKey: Uint8Array) {
    this.#client = new Direction(sessionKey, 'client-to-server');
    this.#server = new Direction(sessionKey, 'server-to-client');
  }

  /** 16 bytes of signature and the encrypted message. */
  seal(message: Uint8Array): Buffer {
    const sealed = this.#client.cipher.apply(message);
    return Buffer.concat([this.#client.signature(message), sealed]);
  }

  /** @throws NtlmError where the message was not sealed by who knows the session's key */
  open(sealed: Buffer): Buffer {
    if (sealed.length < 16) throw new NtlmError('a sealed message ends early');
    const message = this.#server.cipher.apply(sealed.subarray(16));
    if (!this.#server.signature(message).equals(sealed.subarray(0, 16))) {
      throw new NtlmError('the signature of a sealed message is wrong');
    }
    return message;
  }
}

class Direction {
  readonly cipher: Rc4;
  readonly #signingKey: Buffer;
  #sequence = 0;

  constructor(sessionKey: Uint8Array, name: 'client-to-server' | 'server-to-client') {
    const derive = (use: string): Buffer =>
      createHash('md5')
        .update(sessionKey)
        .update(`session key to ${name} ${use} key magic constant\0`)
        .digest();
    this.#signingKey = derive('signing');
    this.cipher = new Rc4(derive('sealing'));
  }

  signature(message: Uint8Array): Buffer {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(this.#sequence++);
    const sum = hmac(this.#signingKey, number, message).subarray(0, 8);
    return Buffer.concat([Buffer.from([1, 0, 0, 0]), this.cipher.apply(sum), number]);
  }
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const sum = createHmac('md5', key);
  for (const part of parts) sum.update(part);
  return sum.digest();
}

export function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le');
}

/** UTF-8 as UTF-16 without a string between them, which nothing could wipe. */
export function wideBytes(utf8: Uint8Array): Buffer {
  const wide = Buffer.alloc(utf8.length * 2);
  let length = 0;
  for (let at = 0; at < utf8.length; ) {
    const first = utf8[at] ?? 0;
    const extra = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let point = extra === 0 ? first : first & (0x3f >> extra);
    for (let more = 1; more <= extra; more++)
      point = (point << 6) | ((utf8[at + more] ?? 0) & 0x3f);
    at += 1 + extra;
    if (point < 0x1_0000) {
      length = wide.writeUInt16LE(point, length);
    } else {
      length = wide.writeUInt16LE(0xd800 + (((point - 0x1_0000) >> 10) & 0x3ff), length);
      length = wide.writeUInt16LE(0xdc00 + (point & 0x3ff), length);
    }
  }
  return wide.subarray(0, length);
}
