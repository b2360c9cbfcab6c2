/**
 * Runs inside the guest of test/boot/installer-guest.ts: starts the product's root helper, gives it one order
 * over its socket as the kiosk does, and says on the serial line how far it is.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const SOCKET = '/run/vestibule/helper.sock';
const DISK = '/dev/vda';

const say = (text: string): void => console.log(`installer: ${text}`);

/** One connection a call: an answer of several lines, the last one with `error` and `result`. */
async function call(verb: string, args: object): Promise<unknown> {
  const socket = connect(SOCKET);
  socket.write(`${JSON.stringify({ id: 1, verb, arguments: args })}\n`);
  let said = '';
  try {
    for await (const line of createInterface({ input: socket })) {
      const reply = JSON.parse(line);
      if (!('progress' in reply)) {
        if (reply.error) throw new Error(JSON.stringify(reply.error));
        return reply.result;
      }
      const { step, fraction } = reply.progress;
      const now = `at ${step} ${Math.floor(fraction * 10)}0 %`;
      // A serial line under emulation is slow.
      if (step !== null && now !== said) say(now);
      said = now;
    }
  } finally {
    socket.destroy();
  }
  throw new Error('the helper hung up');
}

async function install(): Promise<void> {
  const request = { disk: DISK, target: { mode: 'whole' }, swapMiB: 0, encrypt: false };
  const plan = (await call('install.plan', { request })) as {
    id: string;
    confirmWord: string;
    findings: { code: string; severity: string }[];
  };
  for (const { code, severity } of plan.findings) say(`finding ${severity} ${code}`);
  const order = { planId: plan.id, request, confirmation: plan.confirmWord, folder: null };
  await call('install.run', order);
}

async function update(): Promise<void> {
  const { slot } = (await call('slot.write', { folder: '/second' })) as { slot: string };
  await call('slot.try', { slot, tries: 2 });
}

const order = /installer\.order=(\w+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1];
const helper = spawn(process.execPath, ['/usr/lib/vestibule/dist/main/root-helper.js'], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
try {
  while (!existsSync(SOCKET)) {
    if (helper.exitCode !== null) throw new Error('the helper ended');
    await sleep(100);
  }
  say('begins');
  await (order === 'update' ? update() : install());
  say('done');
} catch (error) {
  say(`refused ${error instanceof Error ? error.message : String(error)}`);
}
helper.kill();
