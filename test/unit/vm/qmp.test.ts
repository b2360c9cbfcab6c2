import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Qmp, QmpLines } from '../../../main/sessions/vm/qmp.ts';

const GREETING = { QMP: { version: { qemu: {} }, capabilities: [] } };
const folder = mkdtempSync(join(tmpdir(), 'qmp-'));
const open: Array<() => void> = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
  rmSync(join(folder, 'socket'), { force: true });
});

/** A machine that says what the test tells it to. */
async function machine(
  answer: (command: { execute: string; id: number }, socket: Socket) => void,
  greeting: unknown = GREETING,
): Promise<string> {
  const path = join(folder, 'socket');
  const server: Server = createServer((socket) => {
    open.push(() => socket.destroy());
    socket.on('error', () => {});
    if (greeting !== null) socket.write(`${JSON.stringify(greeting)}\r\n`);
    const lines = new QmpLines();
    socket.on('data', (chunk: Buffer) => {
      for (const value of lines.push(chunk)) {
        const command = value as { execute: string; id: number };
        if (command.execute === 'qmp_capabilities') reply(socket, { return: {}, id: command.id });
        else answer(command, socket);
      }
    });
  });
  server.listen(path);
  await once(server, 'listening');
  open.push(() => server.close());
  return path;
}
const reply = (socket: Socket, value: unknown): void =>
  void socket.write(`${JSON.stringify(value)}\n`);
const silent = expect.objectContaining({ code: 'MACHINE_SILENT' });

describe('lines', () => {
  it('come out whole, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.json(), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (values, cut) => {
          const compact = values.map((text) => JSON.parse(text));
          const bytes = Buffer.from(compact.map((value) => `${JSON.stringify(value)}\n`).join(''));
          const lines = new QmpLines();
          const out: unknown[] = [];
          for (let at = 0; at < bytes.length; at += cut)
            out.push(...lines.push(bytes.subarray(at, at + cut)));
          expect(JSON.stringify(out)).toEqual(JSON.stringify(compact));
        },
      ),
    );
  });

  it('have an end, and are JSON', () => {
    const lines = new QmpLines();
    expect(() => {
      for (let i = 0; i < 10; i++) lines.push(Buffer.alloc(1024 * 1024, 'x'));
    }).toThrow(/too long/);
    expect(() => new QmpLines().push(Buffer.from('{oops\n'))).toThrow();
  });
});

describe('commands', () => {
  it('are answered by id, whatever the order, with events between', async () => {
    const waiting: Array<{ id: number }> = [];
    const path = await machine((command, socket) => {
      waiting.push(command);
      if (waiting.length < 2) return;
      reply(socket, { event: 'RESET', data: { guest: true }, timestamp: {} });
      for (const { id } of waiting.reverse()) reply(socket, { return: { id }, id });
    });
    const qmp = await Qmp.connect({ path, timeoutMs: 5_000 });
    const events: string[] = [];
    qmp.on(({ event }) => void events.push(event));
    const [first, second] = await Promise.all([qmp.execute('a'), qmp.execute('b')]);
    expect(first).not.toEqual(second);
    expect(events).toEqual(['RESET']);
    qmp.close();
  });

  it('that QEMU refuses say why', async () => {
    const path = await machine(({ id }, socket) =>
      reply(socket, { error: { class: 'GenericError', desc: 'no such device' }, id }),
    );
    const qmp = await Qmp.connect({ path, timeoutMs: 5_000 });
    await expect(qmp.execute('eject')).rejects.toThrow('no such device');
    qmp.close();
  });

  it('without an answer are silence; so are those under way when the connection ends', async () => {
    const path = await machine(({ execute }, socket) => {
      if (execute === 'hang-up') socket.destroy();
    });
    const qmp = await Qmp.connect({ path, timeoutMs: 5_000 });
    await expect(qmp.execute('anything', {}, 50)).rejects.toThrow(silent);
    await expect(qmp.execute('hang-up')).rejects.toThrow(silent);
    await expect(qmp.execute('afterwards')).rejects.toThrow(silent);
  });

  it('never start with a machine that does not greet, or is not there', async () => {
    const path = await machine(() => {}, null);
    await expect(Qmp.connect({ path, timeoutMs: 80 })).rejects.toThrow(silent);
    await expect(Qmp.connect({ path: join(folder, 'none'), timeoutMs: 80 })).rejects.toThrow(
      silent,
    );
  });

  it('are of no use on a stream that is not QMP', async () => {
    const path = await machine((_, socket) => void socket.write('garbage\n'));
    const qmp = await Qmp.connect({ path, timeoutMs: 5_000 });
    await expect(qmp.execute('x')).rejects.toThrow(silent);
    await qmp.closed;
  });
});
