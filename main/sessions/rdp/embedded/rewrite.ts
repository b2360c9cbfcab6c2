/**
 * What the bridge changes in the page's first messages (MS-RDPBCGR 2.2.1.3 and 2.2.1.11): the
 * person's name and password go in here, which the page never has, and what makes servers send
 * RemoteFX instead of plain bitmaps. Everything after the client's information passes unread.
 */
import { utf16, wideBytes } from './ntlm.ts';

export interface Rewrites {
  readonly user: string;
  /** Empty for none. */
  readonly domain: string;
  /** UTF-8, zeroed after use; undefined: the server asks for it itself. */
  readonly password: Uint8Array | undefined;
  /** What the server chose, which it compares: 1 TLS, 2 NLA. */
  readonly serverSelectedProtocol: number;
  /** Windows layout, e.g. 0x0000040c; 0: the server's own. */
  readonly keyboardLayout: number;
}

export class RewriteError extends Error {
  override readonly name = 'RewriteError';
}

const TPKT_HEADER = 4;
const TPKT_VERSION = 3;
/** X.224 data: length, code, end of transmission. */
const X224_DATA = Buffer.from([0x02, 0xf0, 0x80]);
const HEADERS = TPKT_HEADER + X224_DATA.length;
const MAX_TPKT = 0xffff;

const MCS_CONNECT_INITIAL = 0x7f65;
const MCS_SEND_DATA_REQUEST = 0x64;
const DOMAIN_SELECTOR = 0x04;
/** The key "Duca" of the conference's user data, before the client's blocks. */
const CLIENT_TO_SERVER = Buffer.from('Duca', 'latin1');
const CS_CORE = 0xc001;

/** Of CS_CORE (MS-RDPBCGR 2.2.1.3.2), from the block's start. */
const CORE = {
  keyboardLayout: 16,
  clientBuild: 20,
  highColorDepth: 140,
  supportedColorDepths: 142,
  earlyCapabilityFlags: 144,
  serverSelectedProtocol: 212,
  length: 216,
} as const;
/** Of Windows 10; xrdp takes clients up to 419 for old ones that no new size can be told to. */
const CLIENT_BUILD = 18_363;
const COLOUR_24 = 24;
/** 15, 16, 24 and 32 bits. */
const COLOUR_ALL = 0x0f;
const WANT_32_BITS = 0x0002;

const SEC_INFO = 0x0040;
const INFO_AUTOLOGON = 0x0000_0008;
const INFO_UNICODE = 0x0000_0010;
const INFO_FIXED = 18;

/** Takes the page's bytes as they come and gives what the server is to get. */
export class ClientRewriter {
  readonly #rewrites: Rewrites;
  #pending = Buffer.alloc(0);
  #done = false;

  constructor(rewrites: Rewrites) {
    this.#rewrites = rewrites;
  }

  /** The client's information has passed: further bytes need no reading. */
  get done(): boolean {
    return this.#done;
  }

  /** @throws RewriteError where the page does not speak RDP */
  push(chunk: Buffer): Buffer {
    if (this.#done) return chunk;
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const out: Buffer[] = [];
    while (!this.#done) {
      const length = tpktLength(this.#pending);
      if (length === undefined || this.#pending.length < length) return Buffer.concat(out);
      // A copy: what the page sent is not ours to change.
      const message = Buffer.from(this.#pending.subarray(0, length));
      this.#pending = this.#pending.subarray(length);
      out.push(this.#rewrite(message));
    }
    out.push(this.#pending);
    this.#pending = Buffer.alloc(0);
    return Buffer.concat(out);
  }

  #rewrite(message: Buffer): Buffer {
    if (!message.subarray(TPKT_HEADER, HEADERS).equals(X224_DATA)) return message;
    if (message.length > HEADERS + 1 && message.readUInt16BE(HEADERS) === MCS_CONNECT_INITIAL) {
      rewriteCore(coreBlock(message), this.#rewrites);
      return message;
    }
    const info = clientInfo(message);
    if (info === undefined) return message;
    this.#done = true;
    return withCredentials(message, info, this.#rewrites);
  }
}

function tpktLength(bytes: Buffer): number | undefined {
  if (bytes.length > 0 && bytes[0] !== TPKT_VERSION) throw new RewriteError('no TPKT');
  if (bytes.length < TPKT_HEADER) return undefined;
  const length = bytes.readUInt16BE(2);
  if (length <= TPKT_HEADER) throw new RewriteError('an empty TPKT');
  return length;
}

/** The client's core data, inside MCS Connect Initial and the conference's user data. */
function coreBlock(message: Buffer): Buffer {
  const reader = new BerReader(message.subarray(HEADERS + 2));
  let content = reader.content();
  content = content.skip(DOMAIN_SELECTOR).skip(DOMAIN_SELECTOR).skip(0x01);
  content = content.skip(0x30).skip(0x30).skip(0x30);
  const data = content.take(0x04);
  const key = data.indexOf(CLIENT_TO_SERVER);
  if (key < 0) throw new RewriteError('no client data');
  const length = perLength(data, key + CLIENT_TO_SERVER.length);
  let at = length.end;
  while (at + 4 <= data.length) {
    const type = data.readUInt16LE(at);
    const size = data.readUInt16LE(at + 2);
    if (size < 4 || at + size > data.length) throw new RewriteError('a block ends early');
    if (type === CS_CORE) return data.subarray(at, at + size);
    at += size;
  }
  throw new RewriteError('no core data');
}

function rewriteCore(core: Buffer, { serverSelectedProtocol, keyboardLayout }: Rewrites): void {
  if (core.length < CORE.length) throw new RewriteError('the core data is short');
  core.writeUInt32LE(keyboardLayout, CORE.keyboardLayout);
  core.writeUInt32LE(CLIENT_BUILD, CORE.clientBuild);
  core.writeUInt16LE(COLOUR_24, CORE.highColorDepth);
  core.writeUInt16LE(COLOUR_ALL, CORE.supportedColorDepths);
  const early = core.readUInt16LE(CORE.earlyCapabilityFlags);
  core.writeUInt16LE(early | WANT_32_BITS, CORE.earlyCapabilityFlags);
  core.writeUInt32LE(serverSelectedProtocol, CORE.serverSelectedProtocol);
}

interface InfoPlace {
  /** Where the length of the user data is written, and where the data begins. */
  readonly lengthAt: number;
  readonly at: number;
}

/** Where the client's information lies, if this message is it. */
function clientInfo(message: Buffer): InfoPlace | undefined {
  // Choice, initiator, channel, priority, then a length.
  const lengthAt = HEADERS + 6;
  if (message[HEADERS] !== MCS_SEND_DATA_REQUEST || message.length < lengthAt + 2) return undefined;
  const { value, end } = perLength(message, lengthAt);
  if (end + value !== message.length) throw new RewriteError('a message ends early');
  if (value < 4 || (message.readUInt16LE(end) & SEC_INFO) === 0) return undefined;
  return { lengthAt, at: end };
}

function withCredentials(
  message: Buffer,
  { lengthAt, at }: InfoPlace,
  { user, domain, password }: Rewrites,
): Buffer {
  const security = message.subarray(at, at + 4);
  const info = message.subarray(at + 4);
  if (info.length < INFO_FIXED) throw new RewriteError('the client information is short');
  const flags = info.readUInt32LE(4);
  if ((flags & INFO_UNICODE) === 0) throw new RewriteError('the client information is not Unicode');
  // Each text has a closing zero that its length does not count.
  const lengths = [0, 1, 2, 3, 4].map((index) => info.readUInt16LE(8 + index * 2));
  const starts = lengths.map(
    (_, index) => INFO_FIXED + lengths.slice(0, index).reduce((sum, length) => sum + length + 2, 0),
  );
  const rest = starts[3] ?? 0;
  if (rest > info.length) throw new RewriteError('the client information ends early');

  const secret = password === undefined ? Buffer.alloc(0) : wideBytes(password);
  const texts = [utf16(domain), utf16(user), secret];
  const head = Buffer.from(info.subarray(0, INFO_FIXED));
  head.writeUInt32LE((password === undefined ? flags : flags | INFO_AUTOLOGON) >>> 0, 4);
  texts.forEach((text, index) => {
    head.writeUInt16LE(text.length, 8 + index * 2);
  });
  const end = Buffer.alloc(2);
  const body = Buffer.concat([
    security,
    head,
    ...texts.flatMap((text) => [text, end]),
    info.subarray(rest),
  ]);
  secret.fill(0);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(0x8000 | body.length);
  const whole = Buffer.concat([message.subarray(0, lengthAt), length, body]);
  body.fill(0);
  if (body.length > 0x3fff || whole.length > MAX_TPKT) {
    throw new RewriteError('the client information is too long');
  }
  whole.writeUInt16BE(whole.length, 2);
  return whole;
}

/** A length of PER (ITU-T X.691): one byte, or two with the highest bit set. */
function perLength(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  const first = bytes[at];
  if (first === undefined) throw new RewriteError('a length is missing');
  if (first < 0x80) return { value: first, end: at + 1 };
  const second = bytes[at + 1];
  if (second === undefined || (first & 0x40) !== 0) throw new RewriteError('a length is too long');
  return { value: ((first & 0x3f) << 8) | second, end: at + 2 };
}

/** BER as MCS uses it: unlike DER, lengths may take more bytes than they need. */
class BerReader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Past the length that stands here. */
  content(): BerReader {
    const { value, end } = this.#length(0);
    return new BerReader(this.#bytes.subarray(end, end + value));
  }

  take(tag: number): Buffer {
    const { value, end } = this.#head(tag);
    return this.#bytes.subarray(end, end + value);
  }

  skip(tag: number): BerReader {
    const { value, end } = this.#head(tag);
    return new BerReader(this.#bytes.subarray(end + value));
  }

  #head(tag: number): { readonly value: number; readonly end: number } {
    if (this.#bytes[0] !== tag) throw new RewriteError('an unexpected field');
    return this.#length(1);
  }

  #length(at: number): { readonly value: number; readonly end: number } {
    const first = this.#bytes[at];
    if (first === undefined) throw new RewriteError('a length is missing');
    const count = first < 0x80 ? 0 : first & 0x7f;
    if (count > 2 || this.#bytes.length < at + 1 + count) throw new RewriteError('a bad length');
    const value = count === 0 ? first : this.#bytes.readUIntBE(at + 1, count);
    const end = at + 1 + count;
    if (first === 0x80 || end + value > this.#bytes.length) throw new RewriteError('a bad length');
    return { value, end };
  }
}
