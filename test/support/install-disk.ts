/** Disks as files under loop devices, signed systems to put on them, and a root helper to do it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHelperClient, type HelperClient } from '../../main/helper/client.ts';
import { formatRootDescription, signRootDescription } from '../../main/install/root-description.ts';
import type { BootFacts, InstallPlan, InstallRequest } from '../../preload/contract/install.ts';
import { noise } from './images.ts';
import type { ChildOptions } from './install-child.ts';

const CHILD = fileURLToPath(new URL('./install-child.ts', import.meta.url));
export const CONFIGURATION = fileURLToPath(
  new URL('../../squashfs/grub/disk.cfg', import.meta.url),
);
export const GIB = 1024 ** 3;

/** Why disks cannot be installed on here; undefined: they can. */
export function installMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of [
    'losetup',
    'sfdisk',
    'partx',
    'mkfs.btrfs',
    'mkfs.vfat',
    'mcopy',
    'grub-mkimage',
  ]) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      return `needs ${program}`;
    }
  }
  return undefined;
}

export class FileDisk {
  readonly path: string;
  readonly file: string;

  private constructor(file: string, path: string) {
    this.file = file;
    this.path = path;
  }

  static async create(file: string, size: number): Promise<FileDisk> {
    await writeFile(file, '');
    await truncate(file, size);
    return FileDisk.attach(file);
  }

  /** A file that is there. The kernel learns its partitions as firmware's table says. */
  static attach(file: string): FileDisk {
    const path = execFileSync('losetup', ['--partscan', '--show', '-f', file]).toString().trim();
    const disk = new FileDisk(file, path);
    disk.rescan();
    return disk;
  }

  /** The kernel, which need not read tables itself, learns what the table says. */
  rescan(): void {
    const command = `partx --delete --nr 1:128 ${this.path}; partx --add ${this.path}`;
    execFileSync('sh', ['-c', `${command}; true`], { stdio: 'ignore' });
  }

  /** @param script of sfdisk(8) */
  partition(script: string): void {
    execFileSync('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', this.path], {
      input: script,
    });
    this.rescan();
  }

  /** Replaces the boot code; the disk's own part of sector 0 stays. */
  writeSector(sector: Buffer): void {
    const file = openSync(this.path, 'r+');
    writeSync(file, sector, 0, 440, 0);
    closeSync(file);
  }

  part(number: number): string {
    return `${this.path}p${number}`;
  }

  detach(): void {
    execFileSync('sh', [
      '-c',
      `partx --delete --nr 1:128 ${this.path} 2>/dev/null; losetup -d ${this.path}`,
    ]);
  }
}

export interface TestSystem {
  readonly folder: string;
  readonly version: string;
}

/** The keys of a campus, as the initrd leaves the public one. */
export class Keys {
  readonly #privateKey: string;
  readonly publicKey: string;

  /** @param pair PEM; default: new ones */
  constructor(pair: { privateKey: string; publicKey: string } = newPair()) {
    this.#privateKey = pair.privateKey;
    this.publicKey = pair.publicKey;
  }

  /** Puts the public key where the initrd does: below `boot/keys`. */
  async publish(folder: string): Promise<void> {
    await mkdir(join(folder, 'boot', 'keys'), { recursive: true });
    await writeFile(join(folder, 'boot', 'keys', 'campus.pem'), this.publicKey);
  }

  /** A system as `npm run squashfs` makes one, with these bytes for kernel and initrd, or noise. */
  async system(
    folder: string,
    version: string,
    content: { vmlinuz?: Buffer; 'initrd.img'?: Buffer; 'root.sqfs'?: Buffer } = {},
  ): Promise<TestSystem> {
    await mkdir(folder, { recursive: true });
    const bytes = {
      vmlinuz: content.vmlinuz ?? noise(700_000, `vmlinuz ${version}`),
      'initrd.img': content['initrd.img'] ?? noise(900_001, `initrd ${version}`),
      'root.sqfs': content['root.sqfs'] ?? noise(3 * 1024 * 1024, `root ${version}`),
    };
    const text = formatRootDescription({
      format: '1',
      version,
      architecture: 'amd64',
      kernel: '6.12.0-test',
      size: bytes['root.sqfs'].length,
      sha256: sha256(bytes['root.sqfs']),
      hashOffset: 4096,
      rootHash: sha256(Buffer.from(`hash ${version}`)),
      salt: sha256(Buffer.from(`salt ${version}`)),
      vmlinuzSha256: sha256(bytes.vmlinuz),
      initrdSha256: sha256(bytes['initrd.img']),
    });
    for (const [name, content] of Object.entries(bytes))
      await writeFile(join(folder, name), content);
    await writeFile(join(folder, 'root.cfg'), text);
    await writeFile(join(folder, 'root.cfg.sig'), signRootDescription(text, this.#privateKey));
    return { folder, version };
  }
}

function newPair(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const BIOS: BootFacts = { firmware: 'bios', secureBoot: false, nvram: false, tpm: false };

/** A root helper in a process of its own, and a client of it. */
export class HelperProcess {
  readonly client: HelperClient;
  readonly socket: string;
  readonly log: string[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child;
    this.socket = socket;
    this.client = createHelperClient({ socket, timeoutMs: 60_000 });
    child.stderr?.on('data', (chunk: Buffer) => this.log.push(String(chunk)));
  }

  static async start(
    folder: string,
    image: string,
    keys: Keys,
    boot: BootFacts = BIOS,
    facts = 'source=network\n',
    loops?: readonly string[],
  ): Promise<HelperProcess> {
    const bootFolder = join(folder, 'boot');
    await keys.publish(folder);
    await writeFile(join(bootFolder, 'facts'), facts);
    const socket = join(folder, `helper-${randomUUID().slice(0, 8)}.sock`);
    const options: ChildOptions = {
      socket,
      folder: join(folder, 'helper'),
      imageFolder: image,
      bootFolder,
      configuration: CONFIGURATION,
      boot,
      ...(loops === undefined ? {} : { loops }),
    };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const helper = new HelperProcess(child, socket);
    const ready = await Promise.race([
      once(child.stdout, 'data').then(() => true),
      once(child, 'exit').then(() => false),
    ]);
    if (!ready) throw new Error(`the helper ended: ${helper.log.join('')}`);
    return helper;
  }

  /** Plans and carries out. @returns the plan */
  async install(
    request: InstallRequest,
    onStep?: (step: string, fraction: number) => void,
  ): Promise<InstallPlan> {
    const plan = await this.client.call('install.plan', { request });
    await this.client.call(
      'install.run',
      { planId: plan.id, request, confirmation: plan.confirmWord, folder: null },
      { onProgress: ({ step, fraction }) => onStep?.(step ?? '', fraction) },
    );
    return plan;
  }

  /** As a power cut ends it: nothing of it goes on. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Lets go of everything that a killed helper left mounted below a folder. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target.startsWith(`${folder}/`));
  for (const target of mounts.reverse()) execFileSync('umount', [target]);
  await rm(join(folder, 'helper'), { recursive: true, force: true });
}
