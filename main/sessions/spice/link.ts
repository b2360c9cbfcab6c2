/**
 * The start of every SPICE channel: link message, reply with the server's RSA key, ticket,
 * result (SPICE protocol, "Channel link"; spice-protocol `spice/protocol.h`). Pure; all integers
 * little-endian.
 */
import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { KioskError } from '../../base/errors.ts';

export const LINK_HEADER_BYTES = 16;
/** u32 mechanism + one RSA block of 1024 bits. */
export const TICKET_BYTES = 132;
export const RESULT_BYTES = 4;

/** `REDQ` */
const MAGIC = 0x51444552;
const MECHANISM_SPICE = 1;
const KEY_OFFSET = 4;
const KEY_BYTES = 162;
/** Real messages have some 30 (client) and 200 (server) bytes; capabilities may grow. */
const MAX_BODY_BYTES = 4096;
const MIN_CLIENT_BODY = 18;
const MIN_SERVER_BODY = KEY_OFFSET + KEY_BYTES + 12;
/** SPICE_MAX_PASSWORD_LENGTH: servers compare no more. */
const MAX_PASSWORD_BYTES = 60;

export const CHANNEL = { main: 1, display: 2, inputs: 3, cursor: 4, playback: 5 } as const;

/** `SPICE_LINK_ERR_*` */
export const LINK_ERROR = {
  ok: 0,
  needSecured: 5,
  permissionDenied: 7,
  badConnectionId: 8,
} as const;

/** The length of the body that follows a link header. @throws KioskError `REMOTE_NEGOTIATION_FAILED` */
export function linkBodyLength(header: Buffer): number {
  if (header.length < LINK_HEADER_BYTES || header.readUInt32LE(0) !== MAGIC) {
    throw negotiationFailed('The other side does not speak SPICE.');
  }
  const length = header.readUInt32LE(12);
  if (length > MAX_BODY_BYTES) throw negotiationFailed('The link message is too long.');
  return length;
}

export interface LinkMessage {
  /** 0 for the main channel; then the session id that the server gave it. */
  readonly connectionId: number;
  readonly channelType: number;
  readonly channelId: number;
}

/** @throws KioskError `REMOTE_NEGOTIATION_FAILED` */
export function parseLinkMessage(body: Buffer): LinkMessage {
  if (body.length < MIN_CLIENT_BODY) throw negotiationFailed('The link message is too short.');
  return {
    connectionId: body.readUInt32LE(0),
    channelType: body.readUInt8(4),
    channelId: body.readUInt8(5),
  };
}

/** A client's link message with the two common capabilities that tickets need, header included. */
export function buildLinkMessage(link: LinkMessage): Buffer {
  const message = Buffer.alloc(LINK_HEADER_BYTES + MIN_CLIENT_BODY + 4);
  message.writeUInt32LE(MAGIC, 0);
  message.writeUInt32LE(2, 4);
  message.writeUInt32LE(2, 8);
  message.writeUInt32LE(MIN_CLIENT_BODY + 4, 12);
  message.writeUInt32LE(link.connectionId, 16);
  message.writeUInt8(link.channelType, 20);
  message.writeUInt8(link.channelId, 21);
  message.writeUInt32LE(1, 22);
  message.writeUInt32LE(0, 26);
  message.writeUInt32LE(MIN_CLIENT_BODY, 30);
  // Authentication selection (bit 0), SPICE ticket (bit 1), mini header (bit 3).
  message.writeUInt32LE(0b1011, 34);
  return message;
}

/** The server's answer: an error, or its public key (SPKI, DER). */
export function parseLinkReply(body: Buffer): { readonly error: number; readonly key: Buffer } {
  if (body.length >= 4 && body.readUInt32LE(0) !== LINK_ERROR.ok) {
    return { error: body.readUInt32LE(0), key: Buffer.alloc(0) };
  }
  if (body.length < MIN_SERVER_BODY) throw negotiationFailed('The link reply is too short.');
  return { error: LINK_ERROR.ok, key: body.subarray(KEY_OFFSET, KEY_OFFSET + KEY_BYTES) };
}

/**
 * The login: mechanism and the password, encrypted with RSA-OAEP (SHA-1, as the protocol fixes
 * it) and padded to the key's full length.
 *
 * @throws KioskError `REMOTE_NEGOTIATION_FAILED` for an unusable key, `REMOTE_CREDENTIALS_WRONG`
 * for a password that no server can accept
 */
export function buildTicket(key: Buffer, password: string): Buffer {
  const secret = Buffer.from(`${password}\0`, 'utf8');
  if (secret.length > MAX_PASSWORD_BYTES + 1) {
    throw new KioskError('REMOTE_CREDENTIALS_WRONG', 'A SPICE password has at most 60 bytes.');
  }
  const ticket = Buffer.alloc(TICKET_BYTES);
  ticket.writeUInt32LE(MECHANISM_SPICE, 0);
  let encrypted: Buffer;
  try {
    encrypted = publicEncrypt(
      {
        key: createPublicKey({ key, format: 'der', type: 'spki' }),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha1',
      },
      secret,
    );
  } catch (error) {
    throw new KioskError('REMOTE_NEGOTIATION_FAILED', 'The server sent an unusable key.', {
      cause: error,
    });
  } finally {
    secret.fill(0);
  }
  if (encrypted.length !== TICKET_BYTES - 4) throw negotiationFailed('The key has another size.');
  encrypted.copy(ticket, 4);
  return ticket;
}

/** What a `SPICE_LINK_ERR_*` means to a person. */
export function linkFailure(error: number): KioskError {
  switch (error) {
    case LINK_ERROR.permissionDenied:
      return new KioskError('REMOTE_CREDENTIALS_WRONG', 'The SPICE server refused the ticket.');
    case LINK_ERROR.needSecured:
      return new KioskError('REMOTE_NEGOTIATION_FAILED', 'The SPICE server insists on TLS.');
    default:
      return new KioskError(
        'REMOTE_NEGOTIATION_FAILED',
        `The SPICE server refused the channel (link error ${error}).`,
      );
  }
}

function negotiationFailed(message: string): KioskError {
  return new KioskError('REMOTE_NEGOTIATION_FAILED', message);
}
