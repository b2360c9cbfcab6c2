/**
 * A room for one computer in QEMU's user network: TFTP by QEMU, boot server and campus on this
 * computer, which the computer in QEMU sees as 10.0.2.2. Needs no root.
 */
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseRootDescription } from '../main/install/root-description.ts';
import { type BootServer, startBootServer } from './boot-server.ts';
import { bootConfigurations, commandLine } from './configurations.ts';
import { repository } from './inputs.ts';
import { bootKeys } from './keys.ts';
import type { Card } from './machine.ts';
import { bootTools } from './tools.ts';
import { signedUki } from './uki.ts';

/** What a computer in QEMU's user network calls this one. */
export const HOST = '10.0.2.2';

export interface RoomOptions {
  /** What `npm run squashfs` made. */
  readonly packed: string;
  /** Gets a view of it, with this room's configurations. */
  readonly folder: string;
  readonly keys: string;
  /** Added to the command line. */
  readonly options: string;
  /** Also a signed image with this room's command line, for Secure Boot. */
  readonly secure: boolean;
}

export interface Room {
  readonly server: BootServer;
  /** What the server serves; files may be replaced here. */
  readonly view: string;
  readonly line: string;
  /** For firmware: the folder by TFTP, and the file to ask for. */
  tftp(bootFile: string): Card;
  stop(): Promise<void>;
}

export async function openRoom(options: RoomOptions): Promise<Room> {
  const view = join(options.folder, 'view');
  await rm(view, { recursive: true, force: true });
  await mkdir(join(view, 'secure'), { recursive: true });
  const server = await startBootServer(view);
  const boot = {
    servers: [`http://${HOST}:${server.port}/vestibule/`],
    options: options.options,
    hosts: [],
  };
  for (const name of [
    'vmlinuz',
    'initrd.img',
    'root.sqfs',
    'lpxelinux.0',
    'ldlinux.c32',
    'ipxe.efi',
    ...(options.secure ? [] : ['vestibule.efi']),
  ])
    await symlink(join(options.packed, name), join(view, name));
  for (const name of ['undionly.kpxe', 'shimx64.efi', 'grubx64.efi', 'root.cfg', 'root.cfg.sig'])
    await cp(join(options.packed, name), join(view, name));
  await symlink(join(options.packed, 'secure/shimx64.efi'), join(view, 'secure/shimx64.efi'));
  for (const [path, text] of bootConfigurations(boot)) {
    await mkdir(dirname(join(view, path)), { recursive: true });
    await writeFile(join(view, path), text);
  }
  if (options.secure) {
    const image = await sealedImage(options.packed, options.keys, commandLine(boot));
    await writeFile(join(view, 'vestibule.efi'), image);
    await writeFile(join(view, 'secure/grubx64.efi'), image);
  }
  return {
    server,
    view,
    line: commandLine(boot),
    tftp: (bootFile) => ({ network: `user,tftp=${view},bootfile=${bootFile}` }),
    stop: () => server.stop(),
  };
}

/** The packed kernel and initrd with another command line, signed. */
export async function sealedImage(
  packed: string,
  keyFolder: string,
  line: string,
): Promise<Buffer> {
  const keys = await bootKeys(keyFolder);
  const tools = await bootTools(join(repository, '.cache', 'boot-tools'), 'amd64');
  const root = parseRootDescription(await readFile(join(packed, 'root.cfg'), 'utf8'));
  return signedUki({
    stub: await readFile(join(tools, 'usr/lib/systemd/boot/efi/linuxx64.efi.stub')),
    linux: await readFile(join(packed, 'vmlinuz')),
    initrd: await readFile(join(packed, 'initrd.img')),
    commandLine: line,
    kernel: root.kernel,
    version: root.version,
    key: keys.uefiKey,
    certificate: keys.uefiCertificate,
  });
}
