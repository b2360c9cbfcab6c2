/**
 * Network Level Authentication (MS-CSSP, version 6) with NTLM, spoken by the bridge so that the
 * page never has the password. The server proves that it knows the person's key for exactly this
 * TLS connection before the password itself is sent.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { KioskError } from '../../../base/errors.ts';
import { readExactly } from '../../read.ts';
import { contextTag, DerReader, der, derHeader, derInteger, derOctets, TAG } from './der.ts';
import {
  authenticateMessage,
  type Credentials,
  negotiateMessage,
  parseChallenge,
  utf16,
  wideBytes,
} from './ntlm.ts';

const VERSION = 6;
/** Older servers bind the TLS key in a way that CVE-2018-0886 breaks. */
const OLDEST_VERSION = 5;
/** A challenge has some hundred bytes. */
const MAX_MESSAGE = 64 * 1024;
const NONCE_BYTES = 32;

export interface TsRequest {
  readonly version: number;
  readonly token?: Buffer | undefined;
  readonly authInfo?: Buffer | undefined;
  readonly pubKeyAuth?: Buffer | undefined;
  /** NTSTATUS, e.g. 0xc000006d: logon failure. */
  readonly errorCode?: number | undefined;
  readonly clientNonce?: Buffer | undefined;
}

export function buildTsRequest(request: TsRequest): Buffer {
  const { token, authInfo, pubKeyAuth, clientNonce } = request;
  const octets = (tag: number, value: Buffer | undefined): Buffer[] =>
    value === undefined ? [] : [der(contextTag(tag), derOctets(value))];
  return der(
    TAG.sequence,
    der(contextTag(0), derInteger(request.version)),
    ...(token === undefined
      ? []
      : [
          der(
            contextTag(1),
            der(TAG.sequence, der(TAG.sequence, der(contextTag(0), derOctets(token)))),
          ),
        ]),
    ...octets(2, authInfo),
    ...octets(3, pubKeyAuth),
    ...octets(5, clientNonce),
  );
}

/** @throws DerError */
export function parseTsRequest(bytes: Buffer): TsRequest {
  const reader = new DerReader(bytes).into(TAG.sequence);
  const version = reader.into(contextTag(0)).integer();
  const octets = (tag: number): Buffer | undefined => {
    const field = reader.takeIf(contextTag(tag));
    return field === undefined ? undefined : new DerReader(field).take(TAG.octetString);
  };
  const tokens = reader.takeIf(contextTag(1));
  return {
    version,
    token:
      tokens === undefined
        ? undefined
        : new DerReader(tokens)
            .into(TAG.sequence)
            .into(TAG.sequence)
            .into(contextTag(0))
            .take(TAG.octetString),
    authInfo: octets(2),
    pubKeyAuth: octets(3),
    errorCode: reader.next === contextTag(4) ? reader.into(contextTag(4)).integer() : undefined,
    clientNonce: octets(5),
  };
}

export interface CredSspOptions {
  /** The TLS connection, paused. */
  readonly stream: Duplex;
  /** The server's public key as its certificate has it (`subjectPublicKey`, without the algorithm). */
  readonly serverKey: Buffer;
  readonly credentials: Credentials;
  /** e.g. `TERMSRV/ts1.lab.example` */
  readonly service: string;
  readonly signal: AbortSignal;
}

/**
 * Signs in. The next byte from the server belongs to RDP.
 * @throws KioskError `REMOTE_CREDENTIALS_WRONG`, `REMOTE_NEGOTIATION_FAILED`, `REMOTE_CERTIFICATE`
 *   (somebody sits between us and the server); the signal's reason
 */
export async function signIn(options: CredSspOptions): Promise<void> {
  const { stream, serverKey, credentials, service, signal } = options;
  stream.write(buildTsRequest({ version: VERSION, token: negotiateMessage() }));
  const offer = await receive(stream, signal, 'REMOTE_NEGOTIATION_FAILED');
  if (offer.version < OLDEST_VERSION || offer.token === undefined) {
    throw new KioskError('REMOTE_NEGOTIATION_FAILED', 'The server speaks no current CredSSP.', {
      details: { version: offer.version },
    });
  }
  const challenge = readable(() => parseChallenge(offer.token ?? Buffer.alloc(0)));
  const { message, security } = authenticateMessage(challenge, credentials, service);
  const nonce = randomBytes(NONCE_BYTES);
  stream.write(
    buildTsRequest({
      version: VERSION,
      token: message,
      pubKeyAuth: security.seal(binding('Client-To-Server', nonce, serverKey)),
      clientNonce: nonce,
    }),
  );
  // Servers answer a wrong password with a code, or by hanging up.
  const proof = await receive(stream, signal, 'REMOTE_CREDENTIALS_WRONG');
  const answered = proof.pubKeyAuth;
  if (answered === undefined) throw wrongPassword(proof.errorCode);
  const expected = binding('Server-To-Client', nonce, serverKey);
  const seen = readable(() => security.open(answered));
  if (seen.length !== expected.length || !timingSafeEqual(seen, expected)) {
    throw new KioskError(
      'REMOTE_CERTIFICATE',
      'The server signed in with another key than its certificate has.',
    );
  }
  const secret = tsCredentials(credentials);
  stream.write(buildTsRequest({ version: VERSION, authInfo: security.seal(secret) }));
  secret.fill(0);
}

function binding(direction: string, nonce: Buffer, serverKey: Buffer): Buffer {
  return createHash('sha256')
    .update(`CredSSP ${direction} Binding Hash\0`)
    .update(nonce)
    .update(serverKey)
    .digest();
}

/** TSCredentials with TSPasswordCreds (MS-CSSP 2.2.1.2). */
function tsCredentials({ domain, user, password }: Credentials): Buffer {
  const wide = wideBytes(password);
  const parts = [
    der(contextTag(0), derOctets(utf16(domain))),
    der(contextTag(1), derOctets(utf16(user))),
    der(contextTag(2), derOctets(wide)),
  ];
  const inner = der(TAG.sequence, ...parts);
  const whole = der(
    TAG.sequence,
    der(contextTag(0), derInteger(1)),
    der(contextTag(1), derOctets(inner)),
  );
  for (const part of [wide, inner, ...parts]) part.fill(0);
  return whole;
}

async function receive(
  stream: Duplex,
  signal: AbortSignal,
  hungUp: 'REMOTE_NEGOTIATION_FAILED' | 'REMOTE_CREDENTIALS_WRONG',
): Promise<TsRequest> {
  let bytes: Buffer;
  try {
    bytes = await readExactly(stream, 2, signal);
    const more = (bytes[1] ?? 0) < 0x80 ? 0 : (bytes[1] ?? 0) & 0x7f;
    if (more > 0 && more < 4) {
      bytes = Buffer.concat([bytes, await readExactly(stream, more, signal)]);
    }
    const head = readable(() => derHeader(bytes));
    if (head === undefined || head.length === 0 || head.length > MAX_MESSAGE) {
      throw unreadable(undefined);
    }
    bytes = Buffer.concat([bytes, await readExactly(stream, head.length, signal)]);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KioskError) throw error;
    if (hungUp === 'REMOTE_CREDENTIALS_WRONG') throw wrongPassword(undefined);
    throw new KioskError(hungUp, 'The server hung up during the sign-in.', { cause: error });
  }
  const request = readable(() => parseTsRequest(bytes));
  if (request.errorCode !== undefined) throw wrongPassword(request.errorCode);
  return request;
}

/** What the server sent, or a failure that says that nobody can read it. */
function readable<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(cause: unknown): KioskError {
  return new KioskError('REMOTE_NEGOTIATION_FAILED', "The server's sign-in cannot be read.", {
    cause,
  });
}

function wrongPassword(status: number | undefined): KioskError {
  return new KioskError(
    'REMOTE_CREDENTIALS_WRONG',
    'The server refused the password.',
    status === undefined ? {} : { details: { status: `0x${status.toString(16)}` } },
  );
}
