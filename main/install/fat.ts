/**
 * Finds a file's place on a FAT file system that is not mounted (Microsoft, "FAT: General Overview
 * of On-Disk Format", 1.03), so that one sector of it can be replaced in place. Everything read is
 * bounds-checked: the partition may hold anything.
 */
import { KioskError } from '../base/errors.ts';

/** Reads `length` bytes at `position`; short at the end. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

interface Geometry {
  readonly cluster: number;
  readonly fat: number;
  readonly data: number;
  readonly root: number;
  readonly clusters: number;
}

const ENTRY = 32;
const MAX_CHAIN = 4096;

/**
 * @param path folders and file, matched without case
 * @returns bytes from the beginning of the file system: one position per cluster of the file
 * @throws KioskError `BOOT_LOADER_FAILED` where it is no FAT32 or has no such file
 */
export async function locate(
  read: ReadAt,
  path: readonly string[],
): Promise<{ size: number; cluster: number; positions: number[] }> {
  const geometry = await readGeometry(read);
  let chain = await follow(read, geometry, geometry.root);
  let size = 0;
  for (const [depth, name] of path.entries()) {
    const entry = await find(read, geometry, chain, name);
    const last = depth === path.length - 1;
    if (!entry || entry.folder === last) throw broken(`there is no ${path.join('/')}`);
    size = entry.size;
    chain = await follow(read, geometry, entry.cluster);
  }
  return { size, cluster: geometry.cluster, positions: chain };
}

async function readGeometry(read: ReadAt): Promise<Geometry> {
  const boot = await read(0, 512);
  if (boot.length < 512 || boot.readUInt16LE(510) !== 0xaa55) throw broken('it has no boot sector');
  const sector = boot.readUInt16LE(11);
  const perCluster = boot.readUInt8(13);
  const reserved = boot.readUInt16LE(14);
  const fats = boot.readUInt8(16);
  const fatSectors = boot.readUInt32LE(36);
  const total = boot.readUInt32LE(32);
  const powers = [512, 1024, 2048, 4096].includes(sector) && perCluster > 0;
  if (!powers || boot.readUInt16LE(22) !== 0 || fats < 1 || fats > 2) throw broken('no FAT32');
  const data = (reserved + fats * fatSectors) * sector;
  const cluster = perCluster * sector;
  return {
    cluster,
    fat: reserved * sector,
    data,
    root: boot.readUInt32LE(44),
    clusters: Math.floor((total * sector - data) / cluster),
  };
}

/** Positions of a chain's clusters. */
async function follow(read: ReadAt, geometry: Geometry, first: number): Promise<number[]> {
  const positions: number[] = [];
  for (let at = first; at < 0x0fff_fff8; ) {
    if (at < 2 || at >= geometry.clusters + 2 || positions.length >= MAX_CHAIN) {
      throw broken('a chain of clusters leads nowhere');
    }
    positions.push(geometry.data + (at - 2) * geometry.cluster);
    const next = await read(geometry.fat + at * 4, 4);
    if (next.length < 4) throw broken('its table ends early');
    at = next.readUInt32LE(0) & 0x0fff_ffff;
  }
  return positions;
}

interface Entry {
  readonly folder: boolean;
  readonly cluster: number;
  readonly size: number;
}

async function find(
  read: ReadAt,
  { cluster }: Geometry,
  chain: readonly number[],
  name: string,
): Promise<Entry | undefined> {
  const wanted = name.toLowerCase();
  let long = '';
  for (const position of chain) {
    const bytes = await read(position, cluster);
    for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
      const entry = bytes.subarray(at, at + ENTRY);
      const mark = entry.readUInt8(0);
      if (mark === 0) return undefined;
      const attributes = entry.readUInt8(11);
      if (mark === 0xe5) long = '';
      else if (attributes === 0x0f) long = longPart(entry) + long;
      else {
        const matches = (long || shortName(entry)).toLowerCase() === wanted;
        long = '';
        // 0x08: the volume's label.
        if (!matches || (attributes & 0x08) !== 0) continue;
        return {
          folder: (attributes & 0x10) !== 0,
          cluster: entry.readUInt16LE(20) * 65_536 + entry.readUInt16LE(26),
          size: entry.readUInt32LE(28),
        };
      }
    }
  }
  return undefined;
}

/** 13 characters of a long name; parts stand in reverse order. */
function longPart(entry: Buffer): string {
  const units = [entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)];
  return (
    units
      .map((part) => part.toString('utf16le'))
      .join('')
      .split('\0', 1)[0] ?? ''
  );
}

function shortName(entry: Buffer): string {
  const base = entry.toString('latin1', 0, 8).trimEnd();
  const extension = entry.toString('latin1', 8, 11).trimEnd();
  return extension === '' ? base : `${base}.${extension}`;
}

function broken(what: string): KioskError {
  return new KioskError('BOOT_LOADER_FAILED', `The EFI system partition cannot be used: ${what}.`);
}
