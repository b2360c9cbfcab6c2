/**
 * One image to one room, as a night's cron job does it: wake the computers, wait for them or go
 * without those that are missing, send, collect what the kiosks report, and tell somebody.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageManifest } from '../../../main/images/manifest.ts';
import { findInterface } from '../../../main/images/multicast/interface.ts';
import { sendMulticast } from '../../../main/images/multicast/sender.ts';
import type { Launcher } from '../../../main/process/launcher.ts';
import { runUdpSender } from './udp-sender.ts';
import { wake } from './wake.ts';

export type Way =
  | { readonly type: 'multicast'; readonly group: string; readonly port: number }
  | { readonly type: 'udpcast'; readonly portbase: number };

/** An account of a kiosk; only these are of use here. */
export interface KioskReport {
  readonly kiosk: string;
  readonly kind: string;
  readonly image: string;
  readonly version: string;
  readonly root: string | undefined;
}

export interface DistributeOptions {
  readonly launcher: Launcher;
  readonly manifest: ImageManifest;
  /** The chunks' file for `multicast`; for `udpcast` whatever the offer says is sent. */
  readonly file: string;
  readonly way: Way;
  readonly interfaceName?: string | undefined;
  /** MAC addresses to wake. */
  readonly wake: readonly string[];
  /** How many kiosks are waited for, and for how long (seconds). */
  readonly receivers: number;
  readonly waitSeconds: number;
  readonly mbit: number;
  /** All reports that the campus has received so far. */
  readonly reports: () => Promise<readonly KioskReport[]>;
  /** Seconds that reports are waited for once all is sent. */
  readonly reportSeconds: number;
  readonly signal?: AbortSignal;
}

export interface Summary {
  readonly image: string;
  readonly version: string;
  /** Addresses that asked for the image, and those that the sender lost. */
  readonly connected: readonly string[];
  readonly lost: readonly string[];
  /** Kiosks that committed these very contents, and that said they could not. */
  readonly committed: readonly string[];
  readonly failed: readonly string[];
  /** As many as were waited for have committed. */
  readonly complete: boolean;
}

const POLL_MS = 500;

export async function distribute(options: DistributeOptions): Promise<Summary> {
  const { manifest, signal } = options;
  const { address, broadcast } = findInterface(options.interfaceName);
  await wake(options.wake, address, broadcast);
  const { connected, lost } = await send(options);
  const until = performance.now() + options.reportSeconds * 1000;
  for (;;) {
    const reports = (await options.reports()).filter(
      (report) => report.image === manifest.id && report.version === manifest.version,
    );
    const named = (kind: string, root: string | undefined): string[] => [
      ...new Set(
        reports
          .filter((report) => report.kind === kind && report.root === root)
          .map(({ kiosk }) => kiosk),
      ),
    ];
    const committed = named('image.committed', manifest.root);
    // Who failed at first may have come to it by another transport.
    const failed = named('image.failed', undefined).filter((one) => !committed.includes(one));
    const complete = committed.length >= options.receivers;
    if (complete || performance.now() >= until) {
      const { id: image, version } = manifest;
      return { image, version, connected, lost, committed, failed, complete };
    }
    await sleep(POLL_MS, undefined, signal ? { signal } : {});
  }
}

async function send(
  options: DistributeOptions,
): Promise<{ connected: readonly string[]; lost: readonly string[] }> {
  const { way, manifest, file, receivers, waitSeconds, mbit, launcher, signal } = options;
  const { name, address } = findInterface(options.interfaceName);
  if (way.type === 'udpcast') {
    const { portbase } = way;
    const { connected, dropped } = await runUdpSender({
      ...{ launcher, file, interfaceName: name, portbase, receivers, waitSeconds, mbit, signal },
    });
    return { connected, lost: dropped };
  }
  const report = await sendMulticast({
    ...{ manifest, file, address, group: way.group, port: way.port, receivers },
    maxRate: (mbit * 1e6) / 8,
    waitMs: waitSeconds * 1000,
    ...(signal ? { signal } : {}),
  });
  return {
    connected: report.receivers.map((one) => one.address),
    lost: report.receivers.filter(({ state }) => state !== 'done').map((one) => one.address),
  };
}

/** The summary as a mail's text. */
export function describe(summary: Summary): string {
  const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'none');
  return [
    `${summary.image} ${summary.version}: ${summary.complete ? 'complete' : 'NOT complete'}`,
    `connected: ${list(summary.connected)}`,
    `lost while sending: ${list(summary.lost)}`,
    `verified and committed: ${list(summary.committed)}`,
    `failed: ${list(summary.failed)}`,
    '',
  ].join('\n');
}
