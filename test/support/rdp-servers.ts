/** Real RDP servers: freerdp-shadow shares a display of its own, with any protection. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Display, startDisplay } from './display.ts';
import { freePort } from './ports.ts';

export interface RdpServer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface SharedDesktop {
  /** For programs on the shared screen. */
  readonly env: Readonly<Record<string, string>>;
  /** Fills the shared screen, `#rrggbb`. */
  paint(colour: string): void;
  /** X keycodes pressed on the shared screen so far, oldest first. */
  readonly keys: readonly number[];
  /** Buttons pressed so far, oldest first; 4 and 5 are the wheel. */
  readonly buttons: readonly number[];
  /** Where the pointer is on the shared screen. */
  pointer(): [x: number, y: number];
  /**
   * @param options.identity servers of the same name show the same certificate
   * @param options.accounts user and password for NLA
   */
  serve(options: {
    readonly security: 'nla' | 'tls' | 'rdp';
    readonly identity?: string;
    readonly port?: number;
    readonly accounts?: Readonly<Record<string, string>>;
  }): Promise<RdpServer>;
  stop(): Promise<void>;
}

/** A screen that servers share, with what reads the keys that arrive on it. */
export async function startSharedDesktop(
  size: readonly [number, number] = [1024, 768],
): Promise<SharedDesktop> {
  const folder = await mkdtemp(join(tmpdir(), 'rdp-servers-'));
  const display: Display = await startDisplay(size);
  const keys: number[] = [];
  const buttons: number[] = [];
  const listener = spawn('xinput', ['test-xi2', '--root'], {
    env: display.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let pressed: number[] | undefined;
  createInterface({ input: listener.stdout }).on('line', (line) => {
    if (line.includes('(RawKeyPress)')) pressed = keys;
    else if (line.includes('(RawButtonPress)')) pressed = buttons;
    else if (line.startsWith('EVENT')) pressed = undefined;
    const code = /^\s+detail: (\d+)$/.exec(line)?.[1];
    if (code !== undefined) {
      pressed?.push(Number(code));
      pressed = undefined;
    }
  });
  const servers = new Set<RdpServer>();

  return {
    env: display.env,
    keys,
    buttons,
    pointer() {
      const place = execFileSync('xdotool', ['getmouselocation'], {
        env: display.env,
        encoding: 'utf8',
      });
      const [, x, y] = /x:(\d+) y:(\d+)/.exec(place) ?? [];
      return [Number(x), Number(y)];
    },
    paint: (colour) =>
      void execFileSync('xsetroot', ['-solid', colour], { env: display.env, stdio: 'ignore' }),
    async serve({ security, identity = 'server', accounts = {}, port: wanted }) {
      const home = join(folder, identity);
      await mkdir(home, { recursive: true });
      const port = wanted ?? (await freePort());
      const args = [`/port:${port}`, '/bind-address:127.0.0.1', `/sec:${security}`];
      if (security === 'nla') {
        const file = join(folder, `sam-${port}`);
        await writeFile(file, Object.entries(accounts).map(samLine).join(''));
        await chmod(file, 0o600);
        args.push(`/sam-file:${file}`);
      } else {
        args.push('-auth');
      }
      const child = spawn('freerdp-shadow-cli', args, {
        env: { ...display.env, HOME: home },
        stdio: 'ignore',
      });
      await answering(child, port);
      const server: RdpServer = {
        port,
        async stop() {
          servers.delete(server);
          await end(child);
        },
      };
      servers.add(server);
      return server;
    },
    async stop() {
      await Promise.all([...servers].map((server) => server.stop()));
      await end(listener);
      await display.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function samLine([user, password]: [string, string]): string {
  return execFileSync('winpr-hash', ['-u', user, '-p', password, '-f', 'sam'], {
    encoding: 'utf8',
  });
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    if (child.exitCode !== null) throw new Error(`freerdp-shadow-cli ended: ${child.exitCode}`);
    const socket = connect({ port, host: '127.0.0.1' });
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error('freerdp-shadow-cli does not listen');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
