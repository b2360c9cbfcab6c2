/** A UI cache on a real folder, fed by a real server. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KioskError } from '../../main/base/errors.ts';
import { silentLogger } from '../../main/log/logger.ts';
import type { FetchFile, OriginResponse, UiCache, UiCacheReport } from '../../main/uicache/api.ts';
import { createFastLane } from '../../main/uicache/fast-lane.ts';
import { createUiCache, type UiCacheOptions } from '../../main/uicache/uicache.ts';

export const FALLBACK = '<!doctype html><title>built in</title>';

/** What the campus client is in the product: asked where the fast lane gave up. */
function generalClient(server: string | null): FetchFile {
  return async (file, bundle, { signal }) => {
    const response = await fetch(new URL(bundle.base + file.path, server ?? 'http://127.0.0.1:9'), {
      signal,
    }).catch(() => undefined);
    if (response?.ok) return response.bytes();
    throw new KioskError('CAMPUS_UNREACHABLE', `No server gives ${file.path}.`);
  };
}

export interface Bench {
  readonly folder: string;
  readonly cache: UiCache;
  readonly reports: UiCacheReport[];
  readonly reloads: string[];
  /** What the page's document is when it is loaded now. */
  load(): Promise<string>;
  get(path: string): Promise<OriginResponse>;
  close(): Promise<void>;
}

/** @param server base URL; null: no network */
export async function openUiCache(
  folder: string,
  server: string | null,
  options: Partial<UiCacheOptions> = {},
): Promise<Bench> {
  const fallbackFolder = join(folder, 'built-in');
  await mkdir(fallbackFolder, { recursive: true }).catch(() => {});
  await writeFile(join(fallbackFolder, 'index.html'), FALLBACK).catch(() => {});
  const reports: UiCacheReport[] = [];
  const reloads: string[] = [];
  const lane = createFastLane({
    server: () => server,
    userAgent: 'test',
    otherwise: generalClient(server),
  });
  const cache = await createUiCache({
    folder: join(folder, 'cache'),
    fallbackFolder,
    fetchFile: lane.fetchFile,
    log: silentLogger,
    report: (report) => reports.push(report),
    ...options,
  });
  cache.on('reload', ({ reason }) => reloads.push(reason));
  const request = (path: string, headers: Record<string, string>): Promise<OriginResponse> =>
    cache.serve({
      method: 'GET',
      url: new URL(path, 'kiosk://ui/'),
      headers: new Map(Object.entries(headers)),
    });
  return {
    folder,
    cache,
    reports,
    reloads,
    load: async () => text(await request('/', { accept: 'text/html,*/*' })),
    get: (path) => request(path, { accept: '*/*' }),
    close: async () => {
      await cache.close();
      await lane.close();
    },
  };
}

export function text(response: OriginResponse): string {
  return Buffer.from(response.body ?? []).toString('utf8');
}

/** A folder of its own for each test; removed by `remove`. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'vestibule-uicache-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
