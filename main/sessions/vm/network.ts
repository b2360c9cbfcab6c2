/**
 * Where a machine's network cards lead.
 *
 * `user`: through passt, which opens ordinary sockets on behalf of the guest, inside a network
 * namespace that pasta connects to the computer's networks. Two layers, because one does not
 * close the loopback: passt (as QEMU's own user network) also connects to 127.0.0.1 when a guest
 * puts that address into a packet. In the namespace that is the namespace's own loopback, where
 * nobody listens. No root is needed; test/machine/vm-network.test.ts proves it from a guest.
 *
 * `group:name`: the switch of the session group.
 */
import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import { baseEnvironment, type Launcher } from '../../process/launcher.ts';
import { isMissing } from './faults.ts';

/** What every guest sees, the same as QEMU's own user network, wherever the computer is connected. */
const GUEST = { address: '10.0.2.15', gateway: '10.0.2.2' };
/** The namespace between, and where it asks for names. */
const BETWEEN = { address: '10.0.3.15', gateway: '10.0.3.2', resolver: '10.0.3.3' };
/** The loopback interface, which stands in for a network card, has no hardware address to lend. */
const GATEWAY_MAC = '52:55:0a:00:02:02';
/** Milliseconds until passt must listen. */
const LIMIT_MS = 10_000;

/**
 * Resolves once QEMU can connect; everything ends by itself when QEMU closes the connection.
 * @param socket must not exist
 * @throws KioskError `MACHINE_PROGRAM_MISSING`, `PROGRAM_FAILED`
 */
export async function startUserNetwork(
  launcher: Launcher,
  socket: string,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = userNetwork(socket, process.getuid?.() ?? 0);
  const child = await launcher
    .launch({ program, args, lifetime: 'adopt', signal })
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      throw new KioskError(
        'MACHINE_PROGRAM_MISSING',
        'The machine has no network: passt is missing.',
        {
          cause: error,
          details: { program: 'passt' },
        },
      );
    });
  const listening = new AbortController();
  const over = child.exited.then(({ code, stderrTail }) => {
    throw new KioskError('PROGRAM_FAILED', `passt ended with ${code}: ${stderrTail.trim()}`, {
      details: { program: 'passt', exit: code },
    });
  });
  try {
    await Promise.race([exists(socket, listening.signal), over]);
  } finally {
    listening.abort();
    over.catch(() => {});
  }
}

/** The command line of pasta, which runs passt in the namespace that it makes. */
function userNetwork(socket: string, user: number): string[] {
  // Started by root (developers, tests), passt would become `nobody`, who may not enter our
  // folder; as root of a user namespace it stays who it is.
  const pasta =
    user === 0
      ? ['unshare', '--user', '--map-root-user', '--', 'pasta', '--netns-only']
      : ['pasta'];
  const common = [
    ...['--foreground', '--quiet', '--ipv4-only', '--tcp-ports', 'none', '--udp-ports', 'none'],
    // Without it the gateway's address would be the loopback.
    ...['--no-map-gw', '--netmask', '24'],
    // Addresses are given, so none is asked of the computer, which may go on- and offline.
    ...['--interface', 'lo', '--mac-addr', GATEWAY_MAC],
  ];
  return [
    ...[
      ...pasta,
      ...common,
      '--config-net',
      '--ns-ifname',
      'eth0',
      '--tcp-ns',
      'none',
      '--udp-ns',
      'none',
    ],
    ...['--address', BETWEEN.address, '--gateway', BETWEEN.gateway],
    // UDP port 53 of this address leads to the computer's first resolver, wherever that is. (With
    // an explicit --dns as well, passt 2023_03_09 forwards nothing.)
    ...['--dns-forward', BETWEEN.resolver],
    ...['--', 'passt', ...common, '--one-off', '--socket', socket],
    ...['--address', GUEST.address, '--gateway', GUEST.gateway, '--dns', BETWEEN.resolver],
  ];
}

/** passt listens microseconds after its socket appears; QEMU needs milliseconds to get there. */
async function exists(path: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there || signal.aborted) return;
    if (Date.now() > deadline) throw new KioskError('PROGRAM_FAILED', 'passt does not listen.');
    await pause(3);
  }
}

export interface GroupNetworksOptions {
  readonly launcher: Launcher;
  readonly folder: string;
  readonly log: Logger;
  /** How the switch's process is started; default: this Node on the file beside this one. */
  readonly program?: readonly string[];
}

/** The switches of session groups, each started with the first machine that needs it. */
export class GroupNetworks {
  readonly #switches = new Map<string, Promise<string>>();
  readonly #options: GroupNetworksOptions;

  constructor(options: GroupNetworksOptions) {
    this.#options = options;
  }

  /** The socket of the group's network of that name. */
  join(groupId: string, name: string): Promise<string> {
    const digest = createHash('sha256').update(`${groupId}\0${name}`).digest('hex').slice(0, 12);
    const socket = join(this.#options.folder, `n-${digest}`);
    let started = this.#switches.get(socket);
    if (!started) {
      started = this.#start(socket);
      this.#switches.set(socket, started);
      started.catch(() => this.#switches.delete(socket));
    }
    return started;
  }

  async #start(socket: string): Promise<string> {
    const { launcher, log } = this.#options;
    const [program = process.execPath, ...args] = this.#options.program ?? [
      process.execPath,
      join(dirname(fileURLToPath(import.meta.url)), 'switch-process.ts'),
    ];
    const child = await launcher.launch({
      program,
      args: [...args, socket],
      lifetime: 'adopt',
      // Where main is Electron, its binary is Node only with this.
      env: { ...baseEnvironment(), ELECTRON_RUN_AS_NODE: '1' },
    });
    void child.exited.then(({ code }) => {
      this.#switches.delete(socket);
      log.debug('a private network ended', { exit: code });
    });
    const ready = new Promise<boolean>((resolve) => {
      child.stdout.once('data', () => resolve(true));
      void child.exited.then(() => resolve(false));
    });
    if (!(await ready)) {
      const { stderrTail } = await child.exited;
      throw new KioskError(
        'PROGRAM_FAILED',
        `The private network could not start: ${stderrTail.trim().slice(-500)}`,
      );
    }
    return socket;
  }
}
