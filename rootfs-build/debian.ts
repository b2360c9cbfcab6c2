/** The Debian archive: which suites, and what state they are in. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from './options.ts';

export const SUITE = 'trixie';
const COMPONENTS = ['main', 'non-free-firmware'] as const;

interface Suite {
  readonly name: string;
  readonly archive: 'debian' | 'debian-security';
}

const SUITES: readonly Suite[] = [
  { name: SUITE, archive: 'debian' },
  { name: `${SUITE}-updates`, archive: 'debian' },
  { name: `${SUITE}-security`, archive: 'debian-security' },
];

export interface ArchiveState {
  /** Changes when any package list does. */
  readonly fingerprint: string;
  /** Seconds since 1970: the date of the point release, for every timestamp of the result. */
  readonly epoch: number;
}

/** Lines for sources.list(5). */
export function sources(mirror: string): string[] {
  return SUITES.map(
    ({ name, archive }) => `deb ${mirror}/${archive} ${name} ${COMPONENTS.join(' ')}`,
  );
}

/**
 * Reads the suites' Release files. Without the network, the state of the last time.
 * @throws Error when there never was one
 */
export async function archiveState(
  mirror: string,
  architecture: Architecture,
  cache: string,
): Promise<ArchiveState> {
  const kept = join(cache, `archive-${architecture}.json`);
  try {
    const releases = await Promise.all(
      SUITES.map(async ({ name, archive }) => {
        const response = await fetch(`${mirror}/${archive}/dists/${name}/InRelease`, {
          signal: AbortSignal.timeout(30_000),
        });
        if (!response.ok) throw new Error(`${response.url} answers ${response.status}`);
        return response.text();
      }),
    );
    const state = {
      fingerprint: releases.flatMap((text) => packageHashes(text, architecture)).join('\n'),
      epoch: releaseEpoch(releases[0] ?? ''),
    };
    await mkdir(cache, { recursive: true });
    await writeFile(kept, JSON.stringify(state));
    return state;
  } catch (error) {
    const text = await readFile(kept, 'utf8').catch(() => undefined);
    if (text === undefined) throw error;
    console.error('rootfs: the archive cannot be reached; taking it as it was the last time');
    const state: unknown = JSON.parse(text);
    if (!isState(state)) throw error;
    return state;
  }
}

/**
 * The SHA-256 of each package list, from a Release file (deb822). The file's own hash would not do:
 * it is signed again every few hours with another date.
 */
export function packageHashes(release: string, architecture: Architecture): string[] {
  const section = /^SHA256:\n((?: .*\n)+)/m.exec(release)?.[1] ?? '';
  return section
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , path]) =>
      COMPONENTS.some((name) => path === `${name}/binary-${architecture}/Packages`),
    )
    .map(([hash = '', , path = '']) => `${hash} ${path}`);
}

export function releaseEpoch(release: string): number {
  const date = /^Date: (.+)$/m.exec(release)?.[1];
  const time = date === undefined ? Number.NaN : Date.parse(date);
  if (!Number.isFinite(time)) throw new Error('the Release file has no date');
  return Math.floor(time / 1000);
}

function isState(value: unknown): value is ArchiveState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'fingerprint' in value &&
    typeof value.fingerprint === 'string' &&
    'epoch' in value &&
    typeof value.epoch === 'number'
  );
}
