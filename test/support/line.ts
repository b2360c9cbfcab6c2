/** A line to a server on this computer that can be cut: all that was connected breaks off. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Line {
  readonly port: number;
  /** How often somebody has connected. */
  readonly connections: number;
  /** Breaks what is connected; new connections are accepted. */
  cut(): void;
  /** From now on connections go there. */
  turnTo(port: number): void;
  close(): Promise<void>;
}

export async function openLine(to: number): Promise<Line> {
  const sockets = new Set<Socket>();
  let target = to;
  let connections = 0;
  const server = createServer((near) => {
    connections++;
    const far = connect({ host: '127.0.0.1', port: target });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const address = server.address();
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    get connections() {
      return connections;
    },
    cut,
    turnTo(port) {
      target = port;
    },
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}
