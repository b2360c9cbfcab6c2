/** The life of machines, with real QEMU under emulation. One boot serves several assertions: they cost seconds each. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { processesIn } from '../../main/sessions/vm/processes.ts';
import { demoDisk, GuestConsole, type MachineLab, machineLab } from '../support/machines.ts';

const mainProgram = fileURLToPath(new URL('../support/machine-child.ts', import.meta.url));
let disk: string;
let lab: MachineLab;
beforeAll(async () => {
  disk = await demoDisk();
});
afterEach(async () => {
  await lab.close();
});
const demo = (): Parameters<typeof machineLab>[0] => ({ demo: { path: disk, format: 'qcow2' } });
const code = (name: string): unknown => expect.objectContaining({ code: name });

/** Nothing of any session is left: no process, no socket, no disk. */
async function expectNothingLeft(): Promise<void> {
  expect(await processesIn(lab.folder)).toEqual([]);
  const left = readdirSync(join(lab.folder, 'run')).filter((name) => name.startsWith('v-'));
  expect(left).toEqual([]);
  expect(readdirSync(join(lab.folder, 'state/sessions'))).toEqual([]);
}

/** How many different colours are on the machine's screen. */
async function colours(sessionId: string): Promise<number> {
  const filename = join(lab.folder, 'screen.ppm');
  await lab.engine.monitor(sessionId)?.execute('screendump', { filename });
  const bytes = readFileSync(filename);
  const pixels = new Set<number>();
  for (let at = 20; at + 2 < bytes.length; at += 3) pixels.add(bytes.readUIntBE(at, 3));
  return pixels.size;
}

describe('a machine', () => {
  it('boots, shows itself, takes keys, obeys the power button and leaves nothing; two at once', async () => {
    lab = await machineLab(demo());
    const [first, second] = [
      lab.request({ description: { networks: [] } }),
      lab.request({ description: { networks: [] } }),
    ];
    const running = await Promise.all([lab.engine.start(first), lab.engine.start(second)]);
    expect(lab.notices.map((notice) => notice.code)).toEqual(['MACHINE_SLOW', 'MACHINE_SLOW']);
    const guests = [first, second].map(({ sessionId }) => new GuestConsole(lab.engine, sessionId));
    await Promise.all(guests.map((guest) => guest.until(/ready machine/)));
    expect(await guests[0]?.run('echo 6 \\* 7 = $((6*7))')).toContain('6 * 7 = 42');
    expect(await colours(first.sessionId)).toBeGreaterThan(2);
    for (const { surface } of running) {
      if (surface.type !== 'spice-socket') throw new Error('no SPICE');
      expect(existsSync(surface.path)).toBe(true);
      const lines = execFileSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline'], { encoding: 'latin1' });
      expect(lines).not.toContain(surface.password);
    }
    await running[0]?.stop();
    expect(await running[0]?.ended).toEqual({});
    await running[1]?.kill();
    expect(await running[1]?.ended).toEqual({});
    expect(lab.released).toEqual(['demo', 'demo']);
    await expectNothingLeft();
  });

  it('that crashes inside is reported', async () => {
    lab = await machineLab(demo());
    const request = lab.request({ description: { networks: [] } });
    const running = await lab.engine.start(request);
    const guest = new GuestConsole(lab.engine, request.sessionId);
    await guest.until(/ready/);
    await guest.type('echo c >/proc/sysrq-trigger\n');
    expect(await running.ended).toEqual({ error: code('MACHINE_CRASHED') });
    await expectNothingLeft();
  });

  it('that is killed from outside, or falls silent, is reported', async () => {
    lab = await machineLab(demo(), { times: { answerMs: 10_000, heartbeatMs: 300, quitMs: 300 } });
    const requests = [0, 1].map(() => lab.request({ description: { networks: [] } }));
    const [killed, frozen] = await Promise.all(
      requests.map((request) => lab.engine.start(request)),
    );
    const pids = requests.map(({ sessionId }) => pidOf(sessionId));
    process.kill(pids[0] ?? 0, 'SIGKILL');
    process.kill(pids[1] ?? 0, 'SIGSTOP');
    expect(await killed?.ended).toEqual({ error: code('MACHINE_DIED') });
    expect(await frozen?.ended).toEqual({ error: code('MACHINE_SILENT') });
    await expectNothingLeft();
  });
});

function pidOf(sessionId: string): number {
  const names = readdirSync(join(lab.folder, 'run')).filter((name) => name.startsWith('v-'));
  for (const name of names) {
    const folder = join(lab.folder, 'run', name);
    if (!readFileSync(join(folder, 'record.json'), 'utf8').includes(`"${sessionId}"`)) continue;
    const out = execFileSync('pgrep', ['-f', `path=${folder}/qmp`], { encoding: 'utf8' });
    return Number(out.trim().split('\n')[0]);
  }
  throw new Error(`no process of ${sessionId}`);
}

describe('UEFI, TPM and what is kept', () => {
  it('each session has its own; a person finds theirs again', async () => {
    lab = await machineLab(demo());
    const description = {
      firmware: 'uefi',
      tpm: true,
      networks: [],
      memory: { mib: 512, reserveMib: 256 },
    };
    const request = lab.request({ description, keep: 'person' });
    const running = await lab.engine.start(request);
    await new GuestConsole(lab.engine, request.sessionId).until(/ready/);
    const again = lab.request({ description, keep: 'person' });
    await expect(lab.engine.start(again)).rejects.toThrow(code('IMAGE_IN_USE'));
    await running.kill();
    await running.ended;
    expect(lab.notices.filter(({ code: name }) => name !== 'MACHINE_SLOW')).toEqual([]);
    const [kept = ''] = readdirSync(join(lab.folder, 'state/kept'));
    const files = readdirSync(join(lab.folder, 'state/kept', kept)).sort();
    expect(files).toEqual(['disk.qcow2', 'tpm', 'uefi-variables.fd']);
    expect(readdirSync(join(lab.folder, 'state/kept', kept, 'tpm'))).toContain('tpm2-00.permall');
    const second = await lab.engine.start(again);
    await second.kill();
    await second.ended;
    expect(readdirSync(join(lab.folder, 'state/kept'))).toEqual([kept]);
    await expectNothingLeft();
  });

  it('runs without a TPM where swtpm fails, and says so', async () => {
    lab = await machineLab(demo());
    const folder = await programFolder({ swtpm: 'echo broken >&2; exit 1' });
    const running = await withPath(folder, () =>
      lab.engine.start(lab.request({ description: { tpm: true, networks: [] } })),
    );
    expect(lab.notices.map((notice) => notice.code)).toContain('MACHINE_TPM_FAILED');
    await running.kill();
    await running.ended;
  });
});

describe('a start is refused, and leaves nothing', () => {
  it('for images that are not what they should be', async () => {
    lab = await machineLab({
      text: { path: join(disk, '../text.img'), format: 'qcow2' },
      cut: { path: join(disk, '../cut.qcow2'), format: 'qcow2' },
      damaged: { path: join(disk, '../damaged.qcow2'), format: 'qcow2' },
      gone: { path: '/nowhere/disk', format: 'raw' },
    });
    writeFileSync(join(disk, '../text.img'), 'this is no disk'.repeat(100));
    await copyFile(disk, join(disk, '../cut.qcow2'));
    truncateSync(join(disk, '../cut.qcow2'), 1000);
    await damage(join(disk, '../damaged.qcow2'));
    for (const [image, expected] of [
      ['text', 'MACHINE_IMAGE_CORRUPT'],
      ['cut', 'MACHINE_IMAGE_CORRUPT'],
      ['damaged', 'MACHINE_IMAGE_CORRUPT'],
      ['gone', 'MACHINE_IMAGE_MISSING'],
    ] as const) {
      await expect(lab.engine.start(lab.request({ image })), image).rejects.toThrow(code(expected));
    }
    expect(lab.released).toEqual(['text', 'cut', 'damaged', 'gone']);
    await expectNothingLeft();
  });

  it('without QEMU, with a QEMU that dies at once, with one that never speaks', async () => {
    lab = await machineLab(demo());
    const request = lab.request({ description: { networks: [] } });
    const missing = lab.again({ qemu: 'qemu-system-none' });
    await expect(missing.start(request)).rejects.toThrow(code('MACHINE_PROGRAM_MISSING'));
    const folder = await programFolder({
      dies: 'echo "qemu-system-x86_64: warning: odd" >&2; echo "qemu-system-x86_64: it is broken" >&2; exit 1',
      silent: 'exec sleep 600',
    });
    const dies = lab.again({ qemu: join(folder, 'dies') });
    await expect(dies.start(request)).rejects.toThrow(/status 1\): it is broken/);
    const silent = lab.again({ qemu: join(folder, 'silent'), launchMs: 500 });
    await expect(silent.start(request)).rejects.toThrow(code('MACHINE_SILENT'));
    await expectNothingLeft();
  });

  it('for memory and disk that are not there, wrong descriptions, and a change of mind', async () => {
    lab = await machineLab(demo());
    const huge = lab.request({ description: { memory: { mib: 4_000_000 } } });
    await expect(lab.engine.start(huge)).rejects.toThrow(code('NOT_ENOUGH_MEMORY'));
    const full = lab.again({ diskReserveMib: 2 ** 40 });
    await expect(full.start(lab.request({}))).rejects.toThrow(code('NOT_ENOUGH_DISK'));
    const wrong = lab.request({ description: { machine: 'vax' } });
    await expect(lab.engine.start(wrong)).rejects.toThrow(code('MACHINE_DESCRIPTION_INVALID'));
    const abort = new AbortController();
    const started = lab.engine.start(lab.request({ signal: abort.signal }));
    setTimeout(() => abort.abort(), 20);
    await expect(started).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    await expectNothingLeft();
  });
});

describe('a restart of main', () => {
  it('adopts what runs, and cleans what did not survive', async () => {
    lab = await machineLab(demo());
    const main = spawn(process.execPath, [mainProgram, lab.folder, disk], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void main.kill('SIGKILL'));
    await once(main.stdout, 'data');
    const dead = pidOf('dead');
    const exit = once(main, 'exit');
    main.kill('SIGKILL');
    await exit;
    process.kill(dead, 'SIGKILL');
    // A disk without any record, as a power cut leaves it.
    await mkdir(join(lab.folder, 'state/sessions/lost'));

    const adopted = await lab.engine.adopt();
    expect(adopted).toMatchObject([
      { sessionId: 'survivor', entryId: 'entry', personId: 'ada', machine: null },
    ]);
    await new GuestConsole(lab.engine, 'survivor').until(/addresses eth0 10\./);
    const [session] = adopted;
    expect(readdirSync(join(lab.folder, 'state/sessions'))).toHaveLength(1);
    await session?.running.stop();
    expect(await session?.running.ended).toEqual({});
    await expectNothingLeft();
  });
});

/** Programs that stand in for real ones and fail as told. */
async function programFolder(scripts: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(lab.folder, 'programs');
  await mkdir(folder, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

async function withPath<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  try {
    return await work();
  } finally {
    process.env.PATH = path;
  }
}

/** A header that looks right, with tables where none can be: only QEMU notices. */
async function damage(path: string): Promise<void> {
  await copyFile(disk, path);
  const file = await open(path, 'r+');
  await file.write(Buffer.from([0, 0, 0, 0, 0, 0, 0x30, 0x39]), 0, 8, 40);
  await file.close();
}
