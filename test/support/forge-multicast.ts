/**
 * Waits for the announcement of a native sender, then sends forged data packets of its session
 * from its address and port: `node forge-multicast.ts GROUP PORT OWN-ADDRESS`. It says `heard
 * ADDRESS`; this host must then be given that address as a second one (not before: a host does not
 * hear what seems to come from itself).
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  encodeDataHeader,
  PAYLOAD,
  parseSenderPacket,
} from '../../main/images/multicast/packets.ts';

const [group = '', port = '', own = ''] = process.argv.slice(2);
const ears = createSocket({ type: 'udp4', reuseAddr: true });
ears.bind(Number(port), group);
await once(ears, 'listening');
ears.addMembership(group, own);
console.log('listening');
const { session, controlPort, address } = await new Promise<{
  session: number;
  controlPort: number;
  address: string;
}>((resolve) => {
  ears.on('message', (bytes, from) => {
    const packet = parseSenderPacket(bytes);
    if (packet?.type !== 'announce') return;
    resolve({ session: packet.session, controlPort: packet.controlPort, address: from.address });
  });
});
ears.close();
console.log(`heard ${address}`);
let mouth = createSocket('udp4');
for (;;) {
  try {
    mouth.bind(controlPort, address);
    await once(mouth, 'listening');
    break;
  } catch {
    mouth.close();
    mouth = createSocket('udp4');
    await sleep(20);
  }
}
mouth.setMulticastInterface(own);
console.log('forging');
for (let round = 0; ; round++) {
  for (let chunk = 0; chunk < 128; chunk++) {
    const header = encodeDataHeader({
      session,
      chunk: chunk % 40 === 39 ? 0x7fff_0000 + chunk : chunk,
      packet: (round * 7) % 46,
      sequence: 1 + round,
      repair: chunk % 2 === 0,
    });
    mouth.send(Buffer.concat([header, Buffer.alloc(PAYLOAD, 0xee)]), Number(port), group);
  }
  await sleep(2);
}
