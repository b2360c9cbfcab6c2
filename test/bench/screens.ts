/**
 * The two screens that `start` and `memory` compare: the kiosk with its UI, and bare Chromium (as
 * Debian starts it) with the same UI as static files on a loopback server, fed by constants.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installFakeKiosk } from '../support/fake-kiosk.ts';
import { kioskState, scenario } from '../support/fake-scenario.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Screen {
  /** The root of its process tree. */
  readonly pid: number;
  /** From the start of its process until the UI had painted and could be used, in milliseconds. */
  readonly usableAfter: number;
  stop(): Promise<void>;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** @param folder keeps the profile from run to run, as a kiosk's disk does */
export async function startBare(folder: string, env: Record<string, string>): Promise<Screen> {
  const usable = Promise.withResolvers<number>();
  const state = kioskState({ person: null });
  const fake = `<script>(${installFakeKiosk})(${JSON.stringify(scenario({ state }))});
    const { push } = fakeKiosk.calls;
    fakeKiosk.calls.push = function (call) {
      if (call.name === 'ui.rendered') fetch('/usable', { method: 'POST' });
      return push.call(this, call);
    };</script>`;
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').replace(/^\/$/, '/index.html');
    if (path === '/usable') {
      usable.resolve(Date.now());
      response.end();
      return;
    }
    const file = join(root, 'dist', 'renderer', path);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const body = readFileSync(file, 'utf8');
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' });
    response.end(extname(path) === '.html' ? body.replace('<head>', `<head>${fake}`) : body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const from = Date.now();
  const child = spawn(
    'chromium',
    [
      `--user-data-dir=${join(folder, 'bare')}`,
      '--no-first-run',
      '--no-default-browser-check',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      ...(process.getuid?.() === 0 ? ['--no-sandbox', '--test-type'] : []),
      '--kiosk',
      `--app=http://127.0.0.1:${port}/`,
    ],
    { env, stdio: 'ignore' },
  );
  const at = await Promise.race([usable.promise, died(child, 'Chromium')]);
  return {
    pid: child.pid ?? -1,
    usableAfter: at - from,
    async stop() {
      await end(child);
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The built product, as a room starts it, with a data folder from an earlier run. */
export async function startKiosk(folder: string, env: Record<string, string>): Promise<Screen> {
  const settings = join(folder, 'settings.json');
  const log = join(folder, 'data', 'log', 'vestibule.log');
  mkdirSync(folder, { recursive: true });
  writeFileSync(settings, '{}');
  rmSync(log, { force: true });
  const from = Date.now();
  const child = spawn(
    process.execPath,
    [
      join(root, 'dist', 'main', 'chromium.js'),
      `--settings=${settings}`,
      `--data-folder=${join(folder, 'data')}`,
      `--runtime-folder=${join(folder, 'run')}`,
    ],
    { env, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const gone = died(child, 'the kiosk');
  let at: number | undefined;
  while (at === undefined) {
    await Promise.race([sleep(100), gone]);
    at = usableAt(log);
  }
  return { pid: child.pid ?? -1, usableAfter: at - from, stop: () => end(child) };
}

/** When the page said that it can be used, by main's own log. */
function usableAt(log: string): number | undefined {
  if (!existsSync(log)) return undefined;
  const line = readFileSync(log, 'utf8')
    .split('\n')
    .find((text) => text.includes('the page can be used'));
  if (line === undefined) return undefined;
  const { time }: { time: number } = JSON.parse(line);
  return time;
}

async function died(child: ChildProcess, name: string): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`${name} ended with ${code} before its screen could be used`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
