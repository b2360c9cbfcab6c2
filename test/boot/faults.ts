/** What can go wrong between the kernel and the root file system: each is said in words, and ends by itself. */
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BootServer, startBootServer } from '../../squashfs/boot-server.ts';
import type { Card, Machine, MachineOptions } from '../../squashfs/machine.ts';
import { HOST } from '../../squashfs/room.ts';
import type { Bench, Scenario } from './scenario.ts';
import { buildSmallRoot, type SmallRoot } from './small-root.ts';

/** An emulated boot on a busy computer: far more than it needs. */
const PATIENCE = 480_000;
const MEBIBYTES = 24;
const USER: Card = { network: 'user' };

interface Room {
  readonly root: SmallRoot;
  readonly server: BootServer;
  start(options?: Partial<MachineOptions> & { readonly line?: string }): Promise<Machine>;
}

/** A small root on a server, and computers that start from it with the packed kernel and initrd. */
async function room(bench: Bench, prepare?: (server: BootServer) => Promise<void>): Promise<Room> {
  const key = await readFile(join(bench.keys, 'root.private.pem'), 'utf8');
  const root = await buildSmallRoot(bench.packed, key, join(bench.folder, 'one'), 'one', MEBIBYTES);
  const server = await startBootServer(root.folder);
  bench.defer(() => server.stop());
  await prepare?.(server);
  const url = `http://${HOST}:${server.port}/vestibule/`;
  return {
    root,
    server,
    start: ({ line = '', ...options } = {}) =>
      bench.start({
        firmware: 'bios',
        memoryMib: 640,
        cards: [USER],
        kernel: {
          image: join(bench.packed, 'vmlinuz'),
          initrd: join(bench.packed, 'initrd.img'),
          line: `console=ttyS0 loglevel=6 panic=30 vestibule.boot.retry=5 vestibule.boot.reserve=64 vestibule.boot.servers=${url} ${line}`,
        },
        ...options,
      }),
  };
}

const up = (machine: Machine, from = 0) => machine.said(/small root up: \w+/, PATIENCE, from);
const problem = (machine: Machine, text: string, from = 0) =>
  machine.said(new RegExp(`vestibule-boot: problem ${text}`), PATIENCE, from);

export const FAULTS: readonly Scenario[] = [
  {
    name: 'initrd: the kernel starts a signed root, and DHCP’s facts reach systemd-networkd',
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start();
      await up(machine);
      await machine.said(/RequestAddress=10\.0\.2\.15/, PATIENCE);
    },
  },
  {
    name: 'initrd: no network card is said',
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({ cards: [] });
      await problem(machine, 'no-card');
      await machine.said(/retry in 5 s/, PATIENCE);
      await machine.screenshot(bench.picture('screen'));
    },
  },
  {
    name: 'initrd: no cable is said, in Arabic; plugged in, the computer starts by itself',
    ci: true,
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({
        cards: [{ ...USER, link: false }],
        line: 'vestibule.locale.default=ar',
      });
      await problem(machine, 'no-cable');
      await machine.said(/retry in 5 s/, PATIENCE);
      await machine.screenshot(bench.picture('screen'));
      await machine.cable(0, true);
      await up(machine);
    },
  },
  {
    name: 'initrd: no DHCP server is said',
    ci: true,
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({
        cards: [{ network: 'hubport,hubid=7' }],
        line: 'vestibule.locale.default=de',
      });
      await problem(machine, 'no-dhcp eth0');
      await machine.said(/retry in 5 s/, PATIENCE);
      await machine.screenshot(bench.picture('screen'));
    },
  },
  {
    name: 'initrd: of two cards the connected one is taken',
    ci: true,
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({
        cards: [
          { ...USER, link: false },
          { ...USER, model: 'e1000' },
        ],
      });
      await up(machine);
    },
  },
  {
    name: 'initrd: of two connected cards the one that loaded the kernel is taken',
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({
        cards: [USER, { ...USER, model: 'e1000e' }],
        line: 'BOOTIF=01-52-54-00-12-34-57',
      });
      const [, card] = await machine.said(/vestibule-boot: lease (\w+)/, PATIENCE);
      await up(machine);
      const [, other] = await machine.said(/PermanentMACAddress=([0-9a-f:]{17})/, PATIENCE);
      if (other !== '52:54:00:12:34:57') throw new Error(`${card} (${other}) was taken`);
    },
  },
  {
    name: 'initrd: a server that is gone is said; when it is back, the computer starts by itself',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench, (server) => server.pause());
      const machine = await start({ line: 'vestibule.locale.default=fr' });
      await problem(machine, 'no-server');
      await machine.said(/retry in 5 s/, PATIENCE);
      await machine.screenshot(bench.picture('screen'));
      await server.resume();
      await up(machine);
    },
  },
  {
    name: 'initrd: of several servers one that answers is enough',
    async run(bench) {
      const { start, server } = await room(bench);
      const machine = await start({
        line: `vestibule.boot.servers=http://${HOST}:9/none/,http://${HOST}:${server.port}/vestibule/`,
      });
      await problem(machine, `no-server http://${HOST}:9/none/`);
      await up(machine);
    },
  },
  ...(['root.cfg', 'root.cfg.sig', 'root.sqfs'] as const).map(
    (name): Scenario => ({
      name: `initrd: a server without ${name} is said`,
      async run(bench) {
        const { start, server } = await room(bench);
        server.setFault(name, { status: 404 });
        const machine = await start({ line: 'vestibule.locale.default=es' });
        await problem(machine, 'not-there');
        server.setFault(name, null);
        await up(machine);
      },
    }),
  ),
  {
    name: 'initrd: a download that breaks off goes on where it stopped',
    async run(bench) {
      const { start, server } = await room(bench);
      server.setFault('root.sqfs', { cutAfter: 8 << 20 });
      const machine = await start();
      await up(machine);
      const offsets = server.requests.filter((line) => line.startsWith('root.sqfs'));
      bench.note(offsets.join(', '));
      if (offsets.length < 3 || offsets.slice(1).some((line) => line.endsWith(' 0')))
        throw new Error(`it began anew: ${offsets.join(', ')}`);
    },
  },
  {
    name: 'initrd: the server dies during the download and comes back',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      server.setFault('root.sqfs', { rate: 2 << 20 });
      const machine = await start();
      await machine.said(/show loading/, PATIENCE);
      await server.pause();
      await problem(machine, 'no-server');
      server.setFault('root.sqfs', null);
      await server.resume();
      await up(machine);
    },
  },
  {
    name: 'initrd: a truncated root is refused',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      server.setFault('root.sqfs', { length: 10 << 20 });
      const machine = await start();
      await problem(machine, 'incomplete 10 2\\d');
      server.setFault('root.sqfs', null);
      await up(machine);
    },
  },
  {
    name: 'initrd: a root with one wrong byte is refused',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      server.setFault('root.sqfs', { flipAt: 9_999_999 });
      const machine = await start();
      await problem(machine, 'damaged');
      server.setFault('root.sqfs', null);
      await up(machine);
    },
  },
  {
    name: 'initrd: a root that is replaced during the download is never mixed',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      const key = await readFile(join(bench.keys, 'root.private.pem'), 'utf8');
      const two = await buildSmallRoot(
        bench.packed,
        key,
        join(bench.folder, 'two'),
        'two',
        MEBIBYTES,
      );
      server.setFault('root.sqfs', { cutAfter: 8 << 20 });
      const machine = await start();
      await machine.said(/resumed at/, PATIENCE);
      for (const name of ['root.cfg', 'root.cfg.sig', 'root.sqfs'])
        server.setFault(name, { file: join(two.folder, name) });
      const [said] = await up(machine);
      if (!said.endsWith('two')) throw new Error(`it started ${said}`);
    },
  },
  {
    name: 'initrd: a description that anyone changed is not believed',
    ci: true,
    async run(bench) {
      const { start, root } = await room(bench);
      const text = await readFile(join(root.folder, 'root.cfg'), 'utf8');
      const hash = root.description.rootHash;
      const wrong = hash.replace(/^./, hash.startsWith('0') ? '1' : '0');
      await writeFile(join(root.folder, 'root.cfg'), text.replace(hash, wrong));
      const machine = await start();
      await problem(machine, 'not-signed');
      await machine.said(/retry in 5 s/, PATIENCE);
      await machine.screenshot(bench.picture('screen'));
    },
  },
  {
    name: 'initrd: another institution’s signature is not believed',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      const { privateKey } = generateKeyPairSync('ed25519', {
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      const other = join(bench.folder, 'other');
      await buildSmallRoot(bench.packed, privateKey, other, 'other', 1);
      for (const name of ['root.cfg', 'root.cfg.sig', 'root.sqfs'])
        server.setFault(name, { file: join(other, name) });
      const machine = await start();
      await problem(machine, 'not-signed');
    },
  },
  {
    name: 'initrd: a root whose hash tree does not fit its signed hash is not started',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      const key = await readFile(join(bench.keys, 'root.private.pem'), 'utf8');
      const wrong = join(bench.folder, 'wrong');
      await buildSmallRoot(bench.packed, key, wrong, 'wrong', 1, { rootHash: 'ab'.repeat(32) });
      for (const name of ['root.cfg', 'root.cfg.sig', 'root.sqfs'])
        server.setFault(name, { file: join(wrong, name) });
      const machine = await start();
      await problem(machine, 'damaged');
    },
  },
  {
    name: 'initrd: a root for another kernel is not started',
    async run(bench) {
      const { start, server } = await room(bench);
      const key = await readFile(join(bench.keys, 'root.private.pem'), 'utf8');
      const old = join(bench.folder, 'old');
      await buildSmallRoot(bench.packed, key, old, 'old', 1, { kernel: '5.10.0-1-amd64' });
      for (const name of ['root.cfg', 'root.cfg.sig', 'root.sqfs'])
        server.setFault(name, { file: join(old, name) });
      const machine = await start();
      await problem(machine, 'other-kernel 5\\.10\\.0-1-amd64 6\\.');
    },
  },
  {
    name: 'initrd: too little memory is said before the download, with the figures',
    ci: true,
    async run(bench) {
      const { start, server } = await room(bench);
      const machine = await start({ line: 'vestibule.boot.reserve=2048' });
      const [said] = await problem(machine, 'too-little-memory \\d+ 20\\d\\d');
      await machine.said(/retry in 5 s/, PATIENCE);
      await machine.screenshot(bench.picture('screen'));
      bench.note(said.replace('vestibule-boot: problem ', ''));
      if (server.requests.some((line) => line.startsWith('root.sqfs')))
        throw new Error('the download had begun');
    },
  },
  {
    name: 'initrd: a clock of 2001 does not matter',
    ci: true,
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({ clock: '2001-01-01T00:00:00' });
      await up(machine);
    },
  },
  {
    name: 'initrd: without graphics the computer starts all the same',
    ci: true,
    async run(bench) {
      const { start } = await room(bench);
      const machine = await start({ graphics: 'none' });
      await up(machine);
    },
  },
  {
    name: 'initrd: P switches off, and no key gives a shell',
    ci: true,
    async run(bench) {
      const { start } = await room(bench, (server) => server.pause());
      const machine = await start({ line: 'vestibule.boot.retry=120' });
      await machine.said(/retry in 120 s/, PATIENCE);
      for (const keys of [
        ['ctrl', 'alt', 'delete'],
        ['ctrl', 'c'],
        ['alt', 'f2'],
        ['alt', 'sysrq', 'b'],
      ])
        await machine.press(...keys);
      await machine.press('p');
      await machine.said(/switched off at the keyboard/, PATIENCE);
      await machine.ended;
    },
  },
];
