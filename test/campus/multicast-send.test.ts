/** A night's distribution as one command: wake, wait, go without the missing, send, collect, tell. */
import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Room } from '../support/multicast-room.ts';
import { createNetwork, type Host, networkObstacle } from '../support/namespaces.ts';

const obstacle = networkObstacle();
if (obstacle) console.warn(`sending in namespaces: skipped, because ${obstacle}`);

const GROUP = '239.77.0.1';
const LISTEN = `const s = require('node:dgram').createSocket('udp4');
s.on('message', (m) => console.log('woken', m.toString('hex')));
s.bind(9, () => console.log('asleep'));`;

function at(hosts: readonly Host[], index: number): Host {
  const host = hosts[index];
  if (!host) throw new Error('there are too few hosts');
  return host;
}

describe.skipIf(obstacle !== undefined)('campus-send', () => {
  let room: Room;
  beforeAll(async () => {
    room = await Room.open();
  });
  afterAll(() => room?.close());

  test.each([
    { way: 'natively', offer: { type: 'multicast', group: GROUP, port: 9100, startTimeout: 60 } },
    { way: 'by udp-sender', offer: { type: 'udpcast', content: 'packed', startTimeout: 60 } },
  ])('$way: two of three kiosks come, and the summary says so', async ({ offer }) => {
    await using network = createNetwork(3);
    const { hosts } = network;
    const reports = join(room.folder, `${offer.type}.jsonl`);
    const mail = join(room.folder, `${offer.type}.mail`);
    const notify = join(room.folder, `${offer.type}-notify`);
    await writeFile(notify, `#!/bin/sh\ncat > ${mail}\n`);
    await chmod(notify, 0o755);
    const asleep = at(hosts, 1).start(process.execPath, ['-e', LISTEN]);
    await asleep.said(/asleep/);
    const kiosks = await Promise.all([1, 2].map((n) => room.kiosk(at(hosts, n), [offer])));
    const script = fileURLToPath(new URL('../../scripts/campus-send.ts', import.meta.url));
    const sender = at(hosts, 0).start(process.execPath, [
      ...[script, '--manifest', room.packed.manifestPath, '--file', room.packed.chunksPath],
      ...(offer.type === 'udpcast' ? ['--udpcast', '9000'] : ['--group', GROUP, '--port', '9100']),
      ...['--wake', '52:54:00:12:34:56', '--receivers', '3', '--wait', '8', '--mbit', '40'],
      ...['--reports', reports, '--report-wait', '15', '--notify', notify],
    ]);
    await asleep.said(/woken f{12}(525400123456){16}/);
    for (const [index, kiosk] of kiosks.entries()) {
      const { kind, root = '' } = await kiosk.outcome();
      const body = { image: 'lab', version: '1', root };
      await appendFile(reports, `${JSON.stringify({ kiosk: `kiosk-${index}`, kind, body })}\n`);
    }
    expect(await sender.exited).toBe(1);
    const text = await readFile(mail, 'utf8');
    expect(text).toContain('lab 1: NOT complete');
    expect(text).toMatch(/connected: (10\.77\.0\.[23], ){1}10\.77\.0\.[23]\n/);
    expect(text).toContain('lost while sending: none');
    expect(text).toContain('verified and committed: kiosk-0, kiosk-1\nfailed: none');
  });
});
