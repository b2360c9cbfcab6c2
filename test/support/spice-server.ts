/** The login of a SPICE server with real RSA, then whatever the test does with the stream. */
import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

const MAGIC = 0x51444552;

export interface FakeSpiceServer {
  readonly server: Server;
  /** Logins that had the right password, and all others. */
  readonly counts: { accepted: number; refused: number };
  close(): Promise<void>;
}

/** @param onChannel takes a stream whose login succeeded */
export async function startFakeSpiceServer(
  listen: { readonly path: string } | { readonly port: number },
  password: string,
  onChannel: (socket: Socket, type: number) => void = () => {},
): Promise<FakeSpiceServer> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const key = publicKey.export({ format: 'der', type: 'spki' });
  const counts = { accepted: 0, refused: 0 };
  const sockets = new Set<Socket>();

  const logIn = async (socket: Socket): Promise<void> => {
    const header = await take(socket, 16);
    const message = await take(socket, header.readUInt32LE(12));
    const reply = Buffer.alloc(16 + 178 + 4);
    reply.writeUInt32LE(MAGIC, 0);
    reply.writeUInt32LE(2, 4);
    reply.writeUInt32LE(2, 8);
    reply.writeUInt32LE(reply.length - 16, 12);
    key.copy(reply, 20);
    reply.writeUInt32LE(1, 182);
    reply.writeUInt32LE(178, 190);
    reply.writeUInt32LE(0b1011, 194);
    socket.write(reply);
    const ticket = await take(socket, 132);
    let typed: string | undefined;
    try {
      typed = privateDecrypt(
        { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
        ticket.subarray(4),
      ).toString('utf8');
    } catch {
      typed = undefined;
    }
    const right = ticket.readUInt32LE(0) === 1 && typed === `${password}\0`;
    counts[right ? 'accepted' : 'refused']++;
    const result = Buffer.alloc(4);
    result.writeUInt32LE(right ? 0 : 7);
    socket.write(result);
    if (right) onChannel(socket, message.readUInt8(4));
    else socket.end();
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    logIn(socket).catch(() => socket.destroy());
  });
  server.listen(listen);
  await once(server, 'listening');
  return {
    server,
    counts,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(length);
    if (chunk !== null) {
      if (chunk.length < length) throw new Error('short');
      return chunk;
    }
    await once(socket, 'readable');
    if (socket.readableEnded) throw new Error('ended');
  }
}
