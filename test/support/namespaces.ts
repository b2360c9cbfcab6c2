/**
 * A network for tests: a switch (a bridge in a namespace of its own) and hosts (namespaces with
 * `eth0`), made and removed by the test, with loss and speed of a real one's. Needs root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Host {
  readonly name: string;
  readonly address: string;
  /** Starts a program on the host; ended with the network. */
  start(program: string, args: readonly string[], options?: { readonly stdin?: 'pipe' }): Process;
  /** Drops so much of the UDP that arrives: 0.01 is 1 %. */
  lose(fraction: number): void;
  /** Ceiling of what arrives, in Mbit/s. */
  slow(mbit: number): void;
  /** Pulls the cable, or puts it back. */
  link(up: boolean): void;
  /** UDP packets that arrived, and that were sent, since the host was made. */
  packets(): { readonly received: number; readonly sent: number };
}

export interface Process {
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  errors(): string;
  /** Waits until a line (of either stream) matches. @throws where it ends before */
  said(pattern: RegExp): Promise<RegExpMatchArray>;
  readonly exited: Promise<number | null>;
}

export interface Network extends AsyncDisposable {
  readonly hosts: readonly Host[];
}

/** Why there can be no network here; undefined: there can. */
export function networkObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [program, argument] of [
    ['ip', '-V'],
    ['nft', '-v'],
    ['tc', '-V'],
    ['udp-sender', '--license'],
  ] as const) {
    try {
      execFileSync(program, [argument], { stdio: 'ignore' });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        return `${program} is not installed`;
      }
    }
  }
  try {
    execFileSync('unshare', ['--net', 'true'], { stdio: 'ignore' });
  } catch {
    return 'this computer makes no network namespaces';
  }
  return undefined;
}

let made = 0;

/** Makes a switch with so many hosts, 10.77.0.1 and on. */
export function createNetwork(count: number): Network {
  const prefix = `vst${process.pid}n${made++}`;
  const bridge = `${prefix}sw`;
  const names = Array.from({ length: count }, (_, index) => `${prefix}h${index}`);
  const processes = new Set<Process>();
  const dispose = async (): Promise<void> => {
    for (const { child, exited } of processes) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    }
    for (const name of [bridge, ...names]) run('ip', ['netns', 'delete', name], true);
  };
  try {
    run('ip', ['netns', 'add', bridge]);
    run('ip', ['-n', bridge, 'link', 'add', 'br0', 'type', 'bridge']);
    run('ip', ['-n', bridge, 'link', 'set', 'br0', 'up']);
    for (const [index, name] of names.entries()) {
      run('ip', ['netns', 'add', name]);
      const peer = ['peer', 'name', `p${index}`, 'netns', bridge];
      run('ip', ['-n', name, 'link', 'add', 'eth0', 'type', 'veth', ...peer]);
      run('ip', ['-n', bridge, 'link', 'set', `p${index}`, 'master', 'br0', 'up']);
      run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
      const address = `10.77.0.${index + 1}/24`;
      run('ip', ['-n', name, 'address', 'add', address, 'broadcast', '+', 'dev', 'eth0']);
      run('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
      run('ip', ['-n', name, 'route', 'add', 'default', 'dev', 'eth0']);
    }
  } catch (error) {
    for (const name of [bridge, ...names]) run('ip', ['netns', 'delete', name], true);
    throw error;
  }
  const hosts = names.map(
    (name, index): Host => ({
      name,
      address: `10.77.0.${index + 1}`,
      start(program, args, options = {}) {
        const process = startProcess(name, program, args, options.stdin);
        processes.add(process);
        return process;
      },
      lose(fraction) {
        const rules = [
          'table netdev loss',
          'delete table netdev loss',
          'table netdev loss {',
          'chain arriving {',
          'type filter hook ingress device "eth0" priority 0;',
          `ip protocol udp numgen random mod 100000 < ${Math.round(fraction * 100_000)} drop`,
          '}',
          '}',
        ];
        run('ip', ['netns', 'exec', name, 'nft', '-f', '-'], false, rules.join('\n'));
      },
      slow(mbit) {
        const shape = ['rate', `${mbit}mbit`, 'burst', '64kb', 'latency', '50ms'];
        const target = ['qdisc', 'replace', 'dev', `p${index}`, 'root', 'tbf'];
        run('tc', ['-n', bridge, ...target, ...shape]);
      },
      link(up) {
        run('ip', ['-n', bridge, 'link', 'set', `p${index}`, up ? 'up' : 'down']);
      },
      packets() {
        const text = execFileSync('ip', ['netns', 'exec', name, 'cat', '/proc/net/snmp'], {
          encoding: 'utf8',
        });
        const [titles, values] = text
          .split('\n')
          .filter((line) => line.startsWith('Udp:'))
          .map((line) => line.split(' '));
        const value = (title: string): number => Number(values?.[titles?.indexOf(title) ?? -1]);
        return { received: value('InDatagrams'), sent: value('OutDatagrams') };
      },
    }),
  );
  return { hosts, [Symbol.asyncDispose]: dispose };
}

function startProcess(
  host: string,
  program: string,
  args: readonly string[],
  stdin: 'pipe' | 'ignore' = 'ignore',
): Process {
  // `ip netns exec` becomes the program, so that signals reach it.
  const child = spawn('ip', ['netns', 'exec', host, program, ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  let heard = (): void => {};
  child.stdout?.on('data', (part: Buffer) => {
    output += part.toString('utf8');
    heard();
  });
  child.stderr?.on('data', (part: Buffer) => {
    errors += part.toString('utf8');
    heard();
  });
  let ended = false;
  const exited = once(child, 'close').then(([code]: unknown[]) => {
    ended = true;
    heard();
    return typeof code === 'number' ? code : null;
  });
  return {
    child,
    output: () => output,
    errors: () => errors,
    exited,
    async said(pattern) {
      for (;;) {
        const match = pattern.exec(output) ?? pattern.exec(errors);
        if (match) return match;
        if (ended) throw new Error(`${program} ended without ${pattern}: ${output}\n${errors}`);
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
  };
}

function run(program: string, args: readonly string[], mayFail = false, input?: string): void {
  try {
    execFileSync(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input === undefined ? {} : { input }),
    });
  } catch (error) {
    if (!mayFail) throw error;
  }
}
