/**
 * A real xrdp with Xorg sessions. It reads `sesman.ini` from one place only, so it runs in a mount
 * namespace where that file is ours. Needs root: sessions belong to a user who is made for them.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

export interface Xrdp {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** X keycodes pressed in the session so far, oldest first. */
  keys(): number[];
  /** Buttons pressed in the session. */
  buttons(): number[];
  /** Runs a program in the session; its output. */
  run(program: string, ...args: string[]): string;
  /** Starts one that ends with the session. */
  start(program: string, ...args: string[]): void;
  /** The session's environment; undefined until there is one. */
  session(): Readonly<Record<string, string>> | undefined;
  /**
   * Ends the person's session, so that who signs in next gets a fresh one. By itself xrdp keeps what
   * nobody looks at for 60 seconds at least (sesman.ini(5), DisconnectedTimeLimit).
   */
  endSession(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there can be none here; undefined: there can. */
export function xrdpObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'xrdp needs root: it makes a user';
  if (!existsSync('/usr/sbin/xrdp') || !existsSync('/usr/lib/xorg/modules/drivers/xrdpdev_drv.so'))
    return 'xrdp or xorgxrdp is not installed';
  return undefined;
}

const SESSION = `#!/bin/sh
cd "$HOME"
xsetroot -solid '#2080d0'
xinput test-xi2 --root > input.log 2>&1 &
env > env.part
mv env.part env
exec sleep 3600
`;

export async function startXrdp(): Promise<Xrdp> {
  const folder = await mkdtemp(join(tmpdir(), 'xrdp-'));
  await chmod(folder, 0o755);
  const user = `vst${randomBytes(4).toString('hex')}`;
  const password = `Geheim & ${randomBytes(6).toString('hex')}`;
  const home = join(folder, 'home');
  const [port, managerPort] = [await freePort(), await freePort()];
  execFileSync('useradd', ['--create-home', '--home-dir', home, '--shell', '/bin/sh', user]);
  execFileSync('chpasswd', { input: `${user}:${password}\n` });
  await writeFile(join(home, 'startwm.sh'), SESSION, { mode: 0o755 });
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=xrdp'],
      ...['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')],
    ],
    { stdio: 'ignore' },
  );

  const main = (await readFile('/etc/xrdp/xrdp.ini', 'utf8'))
    .replace(/^port=3389$/m, `port=tcp://.:${port}`)
    .replace(/^security_layer=.*$/m, 'security_layer=tls')
    .replace(/^certificate=.*$/m, `certificate=${folder}/cert.pem`)
    .replace(/^key_file=.*$/m, `key_file=${folder}/key.pem`)
    .replace(/^LogFile=.*$/m, `LogFile=${folder}/xrdp.log`)
    .replaceAll('EnableSyslog=true', 'EnableSyslog=false');
  const manager = (await readFile('/etc/xrdp/sesman.ini', 'utf8'))
    .replace(/^ListenPort=.*$/m, `ListenPort=${managerPort}`)
    .replace(/^KillDisconnected=.*$/m, 'KillDisconnected=true')
    .replace(/^X11DisplayOffset=.*$/m, 'X11DisplayOffset=70')
    .replace(/^LogFile=.*$/m, `LogFile=${folder}/sesman.log`)
    .replaceAll('EnableSyslog=true', 'EnableSyslog=false');
  await writeFile(join(folder, 'xrdp.ini'), main);
  await writeFile(join(folder, 'sesman.ini'), manager);

  const sessions = spawn('xrdp-sesman', ['--nodaemon', '--config', join(folder, 'sesman.ini')], {
    stdio: 'ignore',
  });
  const children = [
    sessions,
    spawn(
      'unshare',
      [
        ...['--mount', 'sh', '-c', 'mount --bind "$0" /etc/xrdp/sesman.ini; exec "$@"'],
        ...[join(folder, 'sesman.ini'), 'xrdp', '--nodaemon', '--config', join(folder, 'xrdp.ini')],
      ],
      { stdio: 'ignore' },
    ),
  ];
  await listening(port);

  const session = (): Record<string, string> | undefined => {
    const file = join(home, 'env');
    if (!existsSync(file)) return undefined;
    const lines = readFileSync(file, 'utf8').split('\n');
    return Object.fromEntries(
      lines.map((line) => /^([^=]+)=(.*)$/.exec(line)?.slice(1) ?? ['', '']),
    );
  };
  const pressed = (event: string): number[] => {
    const file = join(home, 'input.log');
    if (!existsSync(file)) return [];
    const pattern = new RegExp(`\\(${event}\\)\\n(?:    .*\\n)*?    detail: (\\d+)`, 'g');
    return [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, detail]) => Number(detail));
  };
  const asUser = (program: string, args: readonly string[]): [string, string[]] => [
    'setpriv',
    ['--reuid', user, '--regid', user, '--clear-groups', program, ...args],
  ];
  // Everything that is the user's belongs to the session. Its X server is asked first: killed, it
  // leaves its socket, and displays run out. The session is over when its manager's child is.
  const endSession = async (): Promise<void> => {
    const found = (program: 'pgrep' | 'pkill', ...args: string[]): boolean =>
      spawnSync(program, args, { stdio: 'ignore' }).status === 0;
    for (let tries = 0; tries < 200; tries++) {
      const left = found('pkill', tries < 100 ? '-TERM' : '-KILL', '-u', user);
      if (!left && !found('pgrep', '-P', String(sessions.pid))) break;
      await sleep(100);
    }
    await rm(join(home, 'env'), { force: true });
  };
  return {
    port,
    user,
    password,
    session,
    keys: () => pressed('RawKeyPress'),
    buttons: () => pressed('RawButtonPress'),
    run: (program, ...args) =>
      execFileSync(...asUser(program, args), { env: session() ?? {}, encoding: 'utf8', cwd: home }),
    start(program, ...args) {
      children.push(
        spawn(...asUser(program, args), { env: session() ?? {}, cwd: home, stdio: 'ignore' }),
      );
    },
    endSession,
    async stop() {
      await endSession();
      await Promise.all(children.map(end));
      for (const mount of readFileSync('/proc/self/mounts', 'utf8').matchAll(/^\S+ (\S+)/gm)) {
        if (mount[1]?.startsWith(home)) execFileSync('umount', ['--lazy', mount[1]]);
      }
      execFileSync('userdel', ['--force', user], { stdio: 'ignore' });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  for (let tries = 0; tries < 200; tries++) {
    const tables = ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/net/${name}`, 'utf8'));
    if (tables.some((table) => table.includes(wanted))) return;
    await sleep(50);
  }
  throw new Error('xrdp does not listen');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(late);
}
