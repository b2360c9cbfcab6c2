/**
 * The plainest proxy that IronRDP works with: RDCleanPath as its authors describe it, every byte
 * passed as it comes. What benchmarks hold our bridge against.
 */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocketServer } from 'ws';
import { buildResponse, parseRequest } from '../../main/sessions/rdp/embedded/rdcleanpath.ts';
import { DISPLAY_ORIGIN, UI_ORIGIN } from './display-page.ts';

/** @returns a frame's address, good for any number of connections, and how to end the proxy */
export async function startPlainProxy(target: { host: string; port: number }) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.once('message', (first: Buffer) => {
      const tcp = connectTcp({ ...target, noDelay: true }, () =>
        tcp.write(parseRequest(first).x224),
      );
      tcp.on('error', () => socket.close());
      tcp.once('data', (confirm) => {
        tcp.pause();
        const tls = connectTls({ socket: tcp, rejectUnauthorized: false });
        tls.on('error', () => socket.close());
        tls.once('secureConnect', () => {
          const chain = [tls.getPeerX509Certificate()?.raw ?? Buffer.alloc(0)];
          socket.send(buildResponse({ confirm, chain, address: `${target.host}:${target.port}` }));
          tls.on('data', (chunk) => socket.send(chunk));
          // Our frame also says how far it is; the plain proxy does not listen.
          socket.on('message', (data: Buffer, binary) => {
            if (binary) tls.write(data);
          });
        });
        socket.once('close', () => tls.destroy());
      });
    });
  });
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const url = new URL('/rdp.html', DISPLAY_ORIGIN);
  url.hash = new URLSearchParams({
    bridge: `127.0.0.1:${port}`,
    token: 'x'.repeat(43),
    parent: UI_ORIGIN,
    chord: 'Ctrl+Alt+Home',
  }).toString();
  return {
    frameUrl: url.href,
    end() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}
