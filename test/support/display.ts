/** A screen of its own for a test: Xvfb on a display that it picks itself, and a window manager. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Display {
  /** As in `DISPLAY`, e.g. `:7`. */
  readonly name: string;
  /** The caller's environment with this display, and no other desktop's. */
  readonly env: Record<string, string>;
  stop(): Promise<void>;
}

/**
 * @param size width and height in pixels
 * @throws Error when Xvfb cannot start
 */
export async function startDisplay(
  size: readonly [number, number] = [1280, 800],
): Promise<Display> {
  const screen = `${size[0]}x${size[1]}x24`;
  const server = spawn(
    'Xvfb',
    ['-displayfd', '3', '-screen', '0', screen, '-nolisten', 'tcp', '-noreset'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
  );
  let manager: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (manager) await end(manager);
    await end(server);
  };
  try {
    const name = `:${await readNumber(server)}`;
    const env = environment(name);
    manager = spawn('openbox', [], { env, stdio: 'ignore' });
    // Rejects with the error where it cannot start.
    await once(manager, 'spawn');
    // Windows that open before the manager has taken over stay unmanaged.
    await managed(env);
    return { name, env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function environment(display: string): Record<string, string> {
  const env: Record<string, string> = { DISPLAY: display };
  for (const [key, value] of Object.entries(process.env)) {
    if (value !== undefined && !['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY'].includes(key)) {
      env[key] = value;
    }
  }
  return env;
}

async function readNumber(server: ChildProcess): Promise<number> {
  const pipe = server.stdio[3];
  if (!pipe || !('on' in pipe)) throw new Error('Xvfb has no pipe');
  return new Promise((resolve, reject) => {
    let text = '';
    pipe.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('\n')) resolve(Number(text));
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
  });
}

/** Waits for the property by which window managers announce themselves (EWMH). */
async function managed(env: Record<string, string>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const query = spawn('xprop', ['-root', '_NET_SUPPORTING_WM_CHECK'], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    query.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('latin1');
    });
    await once(query, 'close');
    if (output.includes('window id')) return;
    await sleep(50);
  }
  throw new Error('openbox did not take over the display');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
