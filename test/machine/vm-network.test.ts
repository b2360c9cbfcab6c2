import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoDisk, GuestConsole, type MachineLab, machineLab, SMALL } from '../support/machines.ts';

let lab: MachineLab;
beforeAll(async () => {
  lab = await machineLab({ demo: { path: await demoDisk(), format: 'qcow2' } });
});
afterAll(() => lab.close());

/** Counts who gets through to a service of the computer itself. */
async function loopbackService(): Promise<{
  port: number;
  hits: () => number;
  server: Server;
  close(): void;
}> {
  let hits = 0;
  const server = createServer((socket) => {
    hits++;
    socket.end('HELLO\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const udp = createSocket('udp4', () => void hits++);
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    port,
    hits: () => hits,
    server,
    close() {
      server.close();
      udp.close();
    },
  };
}

describe('user network', () => {
  it("gives an address, and no way to the computer's loopback by any address", async () => {
    const service = await loopbackService();
    const request = lab.request({});
    const running = await lab.engine.start(request);
    try {
      const guest = new GuestConsole(lab.engine, request.sessionId);
      await guest.until(/addresses eth0 10\.0\.2\.15/);
      // Ordinary: the gateway stood for the computer in QEMU's own user network.
      await guest.run(`timeout 3 nc 10.0.2.2 ${service.port}`);
      await guest.run(`timeout 3 nc 10.0.3.2 ${service.port}`);
      // Hostile: packets to 127.0.0.1 itself, put on the wire.
      await guest.run(
        'ip route del local 127.0.0.0/8 dev lo table local; ip addr flush dev lo; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; ip route add 127.0.0.1/32 via 10.0.2.2 dev eth0',
      );
      expect(await guest.run('ip route get 127.0.0.1')).toContain('via 10.0.2.2');
      await guest.run(`timeout 3 nc 127.0.0.1 ${service.port}`);
      await guest.run(`timeout 3 nslookup example.org 127.0.0.1:${service.port}`);
      expect(service.hits()).toBe(0);
      expect(lab.notices.filter(({ code }) => code !== 'MACHINE_SLOW')).toEqual([]);
    } finally {
      service.close();
      await running.kill();
      await running.ended;
    }
  });
});

describe('private network', () => {
  it('joins the three machines of a group and nobody else', async () => {
    const description = {
      ...SMALL,
      memory: { mib: 192, reserveMib: 256 },
      networks: [{ type: 'group:lab' }],
    };
    const machines = ['one', 'two', 'three'].map((name) => ({ name, image: 'demo', description }));
    const inGroup = [0, 1, 2].map((machineIndex) =>
      lab.request({ groupId: 'together', machines, machineIndex }),
    );
    const stranger = lab.request({ groupId: 'elsewhere', machines });
    const requests = [...inGroup, stranger];
    const running = await Promise.all(requests.map((request) => lab.engine.start(request)));
    try {
      const guests = requests.map(({ sessionId }) => new GuestConsole(lab.engine, sessionId));
      const addresses = await Promise.all(
        guests.map(async (guest) => (await guest.until(/addresses eth0 (169\.254\.\d+\.\d+)/))[1]),
      );
      const [one, two, , outside] = guests;
      const ping = (from: GuestConsole | undefined, to: string | undefined): Promise<string> =>
        from?.run(`ping -c 2 -W 15 ${to} | tail -3`) ?? Promise.resolve('');
      expect(await ping(one, addresses[1])).toContain(' 0% packet loss');
      expect(await ping(one, addresses[2])).toContain(' 0% packet loss');
      expect(await ping(two, addresses[2])).toContain(' 0% packet loss');
      expect(await ping(outside, addresses[0])).toContain('100% packet loss');
      expect(await ping(one, addresses[3])).toContain('100% packet loss');
    } finally {
      await Promise.all(running.map((machine) => machine.kill()));
      await Promise.all(running.map((machine) => machine.ended));
    }
  });
});
