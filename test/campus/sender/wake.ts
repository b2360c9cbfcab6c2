/** Wake-on-LAN: the packet that switches computers on (AMD, "Magic Packet Technology", 20213). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const PORT = 9;
/** Sent this often: nobody answers, and a lost one would leave a computer off. */
const TIMES = 3;

/**
 * Six bytes 0xFF, then the address sixteen times.
 * @throws Error for what is not a MAC address
 */
export function magicPacket(mac: string): Buffer {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(mac)) throw new Error(`${mac} is no MAC address`);
  const address = Buffer.from(mac.replaceAll(/[:-]/g, ''), 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address)]);
}

/** Wakes computers. @param from the interface's address @param broadcast of its network */
export async function wake(
  macs: readonly string[],
  from: string,
  broadcast: string,
): Promise<void> {
  const packets = macs.map(magicPacket);
  const socket = createSocket('udp4');
  try {
    socket.bind(0, from);
    await once(socket, 'listening');
    socket.setBroadcast(true);
    for (let time = 0; time < TIMES; time++) {
      for (const packet of packets) {
        await new Promise((resolve) => socket.send(packet, PORT, broadcast, resolve));
      }
    }
  } finally {
    socket.close();
  }
}
