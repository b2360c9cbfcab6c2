/**
 * A campus and a kiosk's client of it, with times short enough for tests and long enough for a
 * busy computer.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Campus, CampusOptions, CampusTimings } from '../../main/campus/api.ts';
import { createCampus } from '../../main/campus/campus.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { bytesOf, KEY, manifestContent, signatureOf } from '../unit/campus/support.ts';
import { type CampusServer, type CampusServerOptions, startCampus } from './server/campus.ts';

const FAST: CampusTimings = {
  pollMs: 60_000,
  backoffBaseMs: 50,
  backoffCapMs: 300,
  connectMs: 5_000,
  responseMs: 3_000,
  minBytesPerSecond: 1_000,
  rateWindowMs: 2_000,
};

/** Ends and removes what a test made, in the opposite order. */
export class Cleanup {
  readonly #steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }

  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'vestibule-campus-'));
    this.add(() => rm(path, { recursive: true, force: true }));
    return path;
  }
}

export interface TestCampus {
  readonly server: CampusServer;
  /** What is served. */
  readonly www: string;
  /** Signs and writes a manifest with these fields. */
  publish(fields?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Writes these bytes as the manifest, with this signature (null: none). */
  publishBytes(bytes: Uint8Array, signature: Uint8Array | null): Promise<void>;
}

const START = Date.now();

/** Valid now: these tests run by the real clock. Equal fields give equal bytes. */
export function currentContent(fields: Readonly<Record<string, unknown>> = {}): object {
  return manifestContent({
    issuedAt: new Date(START - 60_000).toISOString(),
    expiresAt: new Date(START + 3_600_000).toISOString(),
    ...fields,
  });
}

export async function testCampus(
  cleanup: Cleanup,
  options: Partial<CampusServerOptions> = {},
): Promise<TestCampus> {
  const www = join(await cleanup.folder(), 'www');
  await mkdir(www);
  const server = await startCampus({ folder: www, ...options });
  cleanup.add(() => server.stop());
  const publishBytes = async (bytes: Uint8Array, signature: Uint8Array | null): Promise<void> => {
    await writeFile(join(www, 'manifest.json'), bytes);
    const path = join(www, 'manifest.json.sig');
    await (signature === null ? rm(path, { force: true }) : writeFile(path, signature));
  };
  return {
    server,
    www,
    publishBytes,
    async publish(fields = {}) {
      const bytes = bytesOf(currentContent(fields));
      await publishBytes(bytes, signatureOf(bytes, KEY));
    },
  };
}

export async function testKiosk(
  cleanup: Cleanup,
  servers: CampusOptions['servers'],
  options: Partial<CampusOptions> = {},
): Promise<Campus> {
  const campus = createCampus({
    servers,
    trustedKeys: [KEY.trusted],
    kioskId: 'kiosk-1',
    facts: () => ({ hostname: 'pc-07', macs: [], addresses: [] }),
    version: '0.0.0',
    dataFolder: options.dataFolder ?? (await cleanup.folder()),
    log: silentLogger,
    timings: FAST,
    ...options,
  });
  cleanup.add(() => campus.close());
  return campus;
}

/** Waits until `condition` holds; the test's own timeout ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
