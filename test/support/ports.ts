/** TCP ports for programs that have to be told theirs before they start. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that the kernel gives away by itself (32768 and above, ip(7)): nothing that asks
 * for any port, and no connection, takes one between this look and the program's own.
 */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port of loopback on which nobody listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
