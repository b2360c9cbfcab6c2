/** Power through real programs and a real socket; the programs only stand in for systemd's. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { createPower, type Power } from '../../../main/device/power.ts';
import { createHelperClient } from '../../../main/helper/client.ts';
import { systemdPower } from '../../../main/helper/power.ts';
import { type HelperService, serveHelper } from '../../../main/helper/service.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';
import { executorsWith } from '../../support/handlers.ts';

const launcher = new Launcher(silentLogger);
let folder: string;
let socket: string;
let service: HelperService | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-power-'));
  socket = join(folder, 'helper.sock');
});
afterEach(async () => {
  await service?.close();
  service = undefined;
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => launcher.stopAll());

/** A program that writes its name and arguments down, says something, and ends with a code. */
function program(name: string, says = '', code = 0): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\nprintf '%s\\n' '${says}'\nexit ${code}\n`,
    { mode: 0o755 },
  );
  return path;
}

function calls(): string[] {
  const path = join(folder, 'calls');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

function power(programs: { busctl: string; systemctl: string }): Power {
  return createPower({
    launcher,
    allowed: () => ['shutdown', 'restart'],
    helper: createHelperClient({ socket, timeoutMs: 5_000 }),
    before: async () => {
      appendFileSync(join(folder, 'calls'), 'before\n');
    },
    log: silentLogger,
    programs,
  });
}

async function serve(): Promise<void> {
  const systemctl = program('root-systemctl');
  service = await serveHelper({
    socket,
    executors: executorsWith({
      power: async ({ action }) => {
        await systemdPower(launcher, action, systemctl);
        return null;
      },
    }),
    log: silentLogger,
  });
}

const refused = (reason: string): unknown =>
  expect.objectContaining({ code: 'POWER_REFUSED', details: expect.objectContaining({ reason }) });

describe('power', () => {
  test('by logind, where it says that the person at the seat may', async () => {
    await serve();
    const programs = { busctl: program('busctl', 's "yes"'), systemctl: program('systemctl') };
    await power(programs).act('restart');
    expect(calls()).toEqual([
      'busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager CanReboot',
      'before',
      'systemctl --no-ask-password reboot',
    ]);
  });

  test.each(['s "challenge"', 's "no"', 's "na"', 'nonsense'])(
    'by the root helper, where logind says %s',
    async (answer) => {
      await serve();
      const programs = { busctl: program('busctl', answer), systemctl: program('systemctl') };
      await power(programs).act('shutdown');
      expect(calls().slice(1)).toEqual(['before', 'root-systemctl --no-ask-password poweroff']);
    },
  );

  test('by the root helper, where there is no systemd', async () => {
    await serve();
    const missing = join(folder, 'missing');
    await power({ busctl: missing, systemctl: missing }).act('shutdown');
    expect(calls()).toEqual(['before', 'root-systemctl --no-ask-password poweroff']);
  });

  test('refused, and nothing ended for it, where nobody may', async () => {
    const programs = { busctl: program('busctl', 's "no"'), systemctl: program('systemctl') };
    await expect(power(programs).act('shutdown')).rejects.toEqual(refused('system'));
    expect(calls().filter((call) => !call.startsWith('busctl'))).toEqual([]);
  });

  test('refused with a sentence, where it fails', async () => {
    const programs = {
      busctl: program('busctl', 's "yes"'),
      systemctl: program('systemctl', '', 1),
    };
    await expect(power(programs).act('shutdown')).rejects.toEqual(refused('system'));
  });

  test('refused before anyone is asked, where policy forbids it', async () => {
    const programs = { busctl: program('busctl', 's "yes"'), systemctl: program('systemctl') };
    await expect(power(programs).act('suspend')).rejects.toEqual(refused('policy'));
    expect(calls()).toEqual([]);
  });
});

describe('the root helper', () => {
  /** Sends bytes as they are; answers what came back until the connection was closed or quiet. */
  function raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const client = connect(socket, () => client.write(text));
      let got = '';
      client.on('data', (chunk) => {
        got += chunk;
        if (got.endsWith('\n')) client.end();
      });
      client.on('close', () => resolve(got));
      client.on('error', reject);
    });
  }

  test('its socket is open to owner and group only, and it does not serve one that is not', async () => {
    await serve();
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    chmodSync(socket, 0o666);
    await expect(
      createHelperClient({ socket }).call('power', { action: 'shutdown' }),
    ).rejects.toEqual(expect.objectContaining({ code: 'HELPER_REFUSED' }));
    expect(calls()).toEqual([]);
  });

  test.each([
    ['an unknown verb', { id: 7, verb: 'format', arguments: {} }],
    ['a verb of the prototype', { id: 7, verb: 'constructor', arguments: {} }],
    ['wrong arguments', { id: 7, verb: 'power', arguments: { action: 'shutdown; rm -rf /' } }],
    [
      'too many arguments',
      { id: 7, verb: 'power', arguments: { action: 'shutdown', force: true } },
    ],
    ['no arguments', { id: 7, verb: 'power' }],
  ])('refuses %s', async (_, request) => {
    await serve();
    expect(JSON.parse(await raw(`${JSON.stringify(request)}\n`))).toMatchObject({
      id: 7,
      error: { code: 'HELPER_REFUSED' },
    });
    expect(calls()).toEqual([]);
  });

  test('refuses what is no request, and hangs up on endless lines', async () => {
    await serve();
    expect(await raw('rubbish\n')).toContain('HELPER_REFUSED');
    expect(await raw('x'.repeat(100_000))).toBe('');
    // It still serves.
    await createHelperClient({ socket }).call('power', { action: 'suspend' });
    expect(calls()).toEqual(['root-systemctl --no-ask-password suspend']);
  });

  test('hands the failure of a verb back with its code', async () => {
    service = await serveHelper({
      socket,
      executors: executorsWith({
        power: async () => {
          throw new KioskError('PROGRAM_FAILED', 'systemctl ended with 1');
        },
      }),
      log: silentLogger,
    });
    await expect(
      createHelperClient({ socket }).call('power', { action: 'shutdown' }),
    ).rejects.toEqual(expect.objectContaining({ code: 'PROGRAM_FAILED' }));
  });

  test('the client tells absence, silence and nonsense apart', async () => {
    const call = () =>
      createHelperClient({ socket, timeoutMs: 50 }).call('power', { action: 'shutdown' });
    await expect(call()).rejects.toEqual(expect.objectContaining({ code: 'HELPER_ABSENT' }));
    let answer = '';
    const impostor = createServer((connection) => {
      connection.on('error', () => {});
      connection.on('data', () => {
        if (answer === 'close') connection.destroy();
        else if (answer !== '') connection.write(answer);
      });
    });
    await new Promise<void>((resolve) => impostor.listen(socket, resolve));
    try {
      await expect(call()).rejects.toEqual(expect.objectContaining({ code: 'TIMEOUT' }));
      answer = 'nonsense\n';
      await expect(call()).rejects.toEqual(expect.objectContaining({ code: 'HELPER_REFUSED' }));
      answer = 'close';
      await expect(call()).rejects.toEqual(expect.objectContaining({ code: 'HELPER_REFUSED' }));
    } finally {
      impostor.close();
    }
  });
});
