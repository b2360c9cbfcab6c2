/**
 * The room of the README's "Boot a room": dnsmasq and nginx alone, in a network namespace with the
 * cable of one computer. Needs root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootConfigurations, commandLine } from '../../squashfs/configurations.ts';
import type { Card } from '../../squashfs/machine.ts';
import { sealedImage } from '../../squashfs/room.ts';

/** Its address in the room. */
export const SERVER = '10.77.1.1';

export interface HttpRoom {
  readonly namespace: string;
  readonly card: Card;
  /** nginx's requests so far: `METHOD path status`. */
  requests(): Promise<string>;
  /** Ends nginx and dnsmasq, as when the server's power fails. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there can be no such room here; undefined: there can. */
export function httpRoomObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    execFileSync('unshare', ['--net', 'ip', 'tuntap', 'add', 'tap0', 'mode', 'tap']);
  } catch {
    return 'this computer makes no network namespaces with a tap device';
  }
  return undefined;
}

/**
 * @param packed what `npm run squashfs` made; its configurations are written anew with `options`
 * @param campus a folder that nginx serves as /campus/
 */
export async function openHttpRoom(room: {
  readonly packed: string;
  readonly folder: string;
  readonly keys: string;
  readonly options: string;
  readonly campus: string;
}): Promise<HttpRoom> {
  const { folder, packed } = room;
  // Several rooms of one process are open at once.
  const namespace = `vstb${randomBytes(6).toString('hex')}`;
  const www = join(folder, 'www');
  await mkdir(www, { recursive: true });
  execFileSync('cp', ['-a', '--reflink=auto', packed, join(www, 'vestibule')]);
  execFileSync('cp', ['-a', room.campus, join(www, 'campus')]);
  const boot = { servers: [], options: room.options, hosts: [] };
  for (const [path, text] of bootConfigurations(boot))
    await writeFile(join(www, 'vestibule', path), text);
  // HTTP boot starts the sealed image: firmware asks for one file.
  const image = await sealedImage(packed, room.keys, commandLine(boot));
  await writeFile(join(www, 'vestibule', 'vestibule.efi'), image);
  // nginx's workers are not root.
  for (const path of [folder, www, join(www, 'vestibule'), join(www, 'campus')])
    await chmod(path, 0o755);

  const ip = (...args: string[]): void => void execFileSync('ip', args);
  ip('netns', 'add', namespace);
  const children: ChildProcess[] = [];
  const cut = async (): Promise<void> => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
  const stop = async (): Promise<void> => {
    await cut();
    ip('netns', 'delete', namespace);
  };
  try {
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'tuntap', 'add', 'tap0', 'mode', 'tap');
    ip('-n', namespace, 'address', 'add', `${SERVER}/24`, 'dev', 'tap0');
    ip('-n', namespace, 'link', 'set', 'tap0', 'up');
    await writeFile(join(folder, 'dnsmasq.conf'), dnsmasq(join(www, 'vestibule'), folder));
    await writeFile(join(folder, 'nginx.conf'), nginx(www, folder));
    for (const [program, ...args] of [
      ['dnsmasq', '--keep-in-foreground', `--conf-file=${join(folder, 'dnsmasq.conf')}`],
      ['nginx', '-c', join(folder, 'nginx.conf')],
    ]) {
      const command = ['netns', 'exec', namespace, program ?? '', ...args];
      children.push(spawn('ip', command, { stdio: ['ignore', 'ignore', 'inherit'] }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    namespace,
    card: { network: 'tap,ifname=tap0,script=no,downscript=no' },
    requests: () => readFile(join(folder, 'access.log'), 'utf8').catch(() => ''),
    cut,
    stop,
  };
}

/**
 * The README's file with this room's folders, and without UEFI's TFTP, which firmware would try
 * before HTTP boot.
 */
function dnsmasq(tftp: string, folder: string): string {
  return `port=0
user=root
pid-file=
interface=tap0
bind-interfaces
dhcp-leasefile=${join(folder, 'leases')}
dhcp-range=10.77.1.100,10.77.1.200,1h
dhcp-option=option:router,${SERVER}
enable-tftp
tftp-root=${tftp}
dhcp-match=set:pc,option:client-arch,0
dhcp-match=set:http64,option:client-arch,16
dhcp-boot=tag:pc,lpxelinux.0
dhcp-boot=tag:http64,http://${SERVER}/vestibule/vestibule.efi
dhcp-option-force=tag:http64,60,HTTPClient
`;
}

function nginx(www: string, folder: string): string {
  // The folders of tests are root's alone.
  return `daemon off;
user root;
pid ${join(folder, 'nginx.pid')};
error_log stderr;
events {}
http {
  types { application/json json; text/html html; text/css css; text/javascript js; }
  default_type application/octet-stream;
  log_format short '$request_method $uri $status';
  access_log ${join(folder, 'access.log')} short;
  server {
    listen 80;
    root ${www};
  }
}
`;
}
