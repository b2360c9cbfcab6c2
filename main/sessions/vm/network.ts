/**
 * Where a machine's network cards lead. `user`: a passt process of its own, which opens ordinary
 * sockets as the kiosk's user; nothing on the computer's loopback can be reached through it.
 * `group:name`: the switch of the session group.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import { baseEnvironment, type Launcher } from '../../process/launcher.ts';

/**
 * The network that every `user` card sees, the same as QEMU's own user network, whatever the
 * computer is connected to. DNS goes to the computer's resolver, the only loopback service passt
 * may speak to, and only by UDP port 53.
 */
const ADDRESS = '10.0.2.15';
const GATEWAY = '10.0.2.2';
const RESOLVER = '10.0.2.3';
/** The gateway's, as QEMU's user network has it; the loopback interface has none to lend. */
const GATEWAY_MAC = '52:55:0a:00:02:02';

/** @param socket must not exist. @throws KioskError `MACHINE_PROGRAM_MISSING`, `PROGRAM_FAILED` */
export async function startUserNetwork(
  launcher: Launcher,
  socket: string,
  signal: AbortSignal,
): Promise<void> {
  const user = process.getuid?.() ?? 0;
  const started = await launcher
    .launch({
      program: 'passt',
      // It goes into the background by itself once it listens, and ends when QEMU closes.
      lifetime: 'adopt',
      signal,
      args: [
        ...['--socket', socket, '--one-off', '--quiet', '--ipv4-only'],
        // Without these two the gateway's address would be the computer's loopback.
        ...['--no-map-gw', '--dns-forward', RESOLVER],
        ...['--address', ADDRESS, '--netmask', '24', '--gateway', GATEWAY, '--dns', RESOLVER],
        // Addresses are given: take none from the computer, which may be offline now and online later.
        ...['--interface', 'lo', '--mac-addr', GATEWAY_MAC],
        ...['--tcp-ports', 'none', '--udp-ports', 'none'],
        // passt started by root would become `nobody`, who may not enter our folder.
        ...(user === 0 ? ['--runas', '0:0'] : []),
      ],
    })
    .catch((error: unknown) => {
      throw error instanceof KioskError && error.code === 'PROGRAM_MISSING'
        ? new KioskError(
            'MACHINE_PROGRAM_MISSING',
            'The machine has no network: passt is missing.',
            {
              cause: error,
              details: { program: 'passt' },
            },
          )
        : error;
    });
  const { code, stderrTail } = await started.exited;
  const listening = await stat(socket).then(
    (found) => found.isSocket(),
    () => false,
  );
  if (code !== 0 || !listening) {
    throw new KioskError('PROGRAM_FAILED', `passt ended with ${code}: ${stderrTail.trim()}`, {
      details: { program: 'passt', exit: code },
    });
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
