/** The stock `udp-sender` as a campus uses it. */
import type { Launcher } from '../../../main/process/launcher.ts';

export interface UdpSenderOptions {
  readonly launcher: Launcher;
  readonly file: string;
  readonly interfaceName: string;
  readonly portbase: number;
  /** Begins once so many are there, or after this time (seconds) with those that are. */
  readonly receivers: number;
  readonly waitSeconds: number;
  /** Mbit/s, at most. */
  readonly mbit: number;
  readonly signal?: AbortSignal | undefined;
}

/** What the sender says of its receivers. Its exit code says nothing: 0 even if it lost them all. */
export interface UdpSenderReport {
  readonly connected: readonly string[];
  readonly dropped: readonly string[];
}

/** The arguments of udp-sender(1). */
export function senderArguments(options: Omit<UdpSenderOptions, 'launcher' | 'signal'>): string[] {
  return [
    ...['--nokbd', '--no-progress', '--file', options.file],
    ...['--interface', options.interfaceName, '--portbase', String(options.portbase)],
    ...['--min-receivers', String(options.receivers)],
    ...['--max-wait', String(options.waitSeconds)],
    // A room where nobody came must not hold the port for ever.
    ...['--start-timeout', String(options.waitSeconds + 10)],
    ...['--retries-until-drop', '20', '--max-bitrate', `${options.mbit}m`],
  ];
}

/** Reads what udp-sender writes to standard error. */
export function readSenderOutput(text: string): UdpSenderReport {
  const addresses = new Map<string, string>();
  for (const [, address = '', number = ''] of text.matchAll(
    /New connection from ([\d.]+)\s+\(#(\d+)\)/g,
  )) {
    addresses.set(number, address);
  }
  const dropped = new Set<string>();
  for (const [, number = ''] of text.matchAll(/Dropping client #(\d+)/g)) {
    const address = addresses.get(number);
    if (address !== undefined) dropped.add(address);
  }
  return { connected: [...new Set(addresses.values())], dropped: [...dropped] };
}

/** @throws KioskError `PROGRAM_MISSING`; the signal's reason */
export async function runUdpSender(options: UdpSenderOptions): Promise<UdpSenderReport> {
  const { launcher, signal } = options;
  const child = await launcher.launch({
    program: 'udp-sender',
    args: senderArguments(options),
    ...(signal ? { signal } : {}),
  });
  child.stdout.resume();
  let output = '';
  child.stderr.on('data', (part: Buffer) => {
    output += part.toString('utf8');
  });
  await child.exited;
  signal?.throwIfAborted();
  return readSenderOutput(output);
}
