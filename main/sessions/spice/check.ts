/**
 * Tries a SPICE server without opening a session: address, certificate and ticket. Native
 * viewers answer such failures with dialogs of their own, which a student must never see.
 */
import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { KioskError } from '../../base/errors.ts';
import { readExactly } from '../read.ts';
import type { SpiceConnection } from './connection.ts';
import { dial } from './dial.ts';
import {
  buildLinkMessage,
  buildTicket,
  CHANNEL,
  LINK_ERROR,
  LINK_HEADER_BYTES,
  linkBodyLength,
  linkFailure,
  parseLinkReply,
  RESULT_BYTES,
} from './link.ts';

const CHECK_MS = 10_000;

/**
 * Resolves where a client with this connection would be let in. It asks for an inputs channel
 * of a session that does not exist: the server checks the ticket first, and nobody who is
 * connected is disturbed (a second main channel would take the session over).
 *
 * @throws KioskError as {@link dial}; `REMOTE_CREDENTIALS_WRONG`, `REMOTE_NEGOTIATION_FAILED`,
 * `REMOTE_REFUSED`; the signal's reason
 */
export async function checkConnection(
  connection: SpiceConnection,
  signal: AbortSignal,
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
  let server: Duplex | undefined;
  try {
    server = await dial(connection.endpoint, limited);
    server.on('error', () => {});
    const link = {
      connectionId: randomInt(1, 2 ** 31),
      channelType: CHANNEL.inputs,
      channelId: 0,
    };
    server.write(buildLinkMessage(link));
    const header = await readExactly(server, LINK_HEADER_BYTES, limited);
    const body = await readExactly(server, linkBodyLength(header), limited);
    const { error, key } = parseLinkReply(body);
    if (error !== LINK_ERROR.ok) throw linkFailure(error);
    server.write(buildTicket(key, connection.password));
    const result = (await readExactly(server, RESULT_BYTES, limited)).readUInt32LE(0);
    if (result !== LINK_ERROR.ok && result !== LINK_ERROR.badConnectionId) {
      throw linkFailure(result);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KioskError) throw error;
    throw new KioskError('REMOTE_REFUSED', 'The SPICE server does not answer.', { cause: error });
  } finally {
    server?.destroy();
  }
}
