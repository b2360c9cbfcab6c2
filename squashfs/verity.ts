/** dm-verity's hash tree, appended to the file that it protects (Documentation/admin-guide/device-mapper/verity.rst). */
import { execFile } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BLOCK = 4096;

interface Verity {
  /** Where the superblock starts. */
  readonly hashOffset: number;
  /** Hexadecimal, 32 bytes. */
  readonly rootHash: string;
}

/**
 * Appends superblock and tree. Salt and UUID are given, so that the same file gives the same bytes.
 *
 * @param salt hexadecimal, 32 bytes
 * @throws Error where veritysetup fails
 */
export async function appendVerity(file: string, salt: string): Promise<Verity> {
  const { size } = await stat(file);
  const hashOffset = Math.ceil(size / BLOCK) * BLOCK;
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(hashOffset);
  } finally {
    await handle.close();
  }
  const uuid = [8, 4, 4, 4, 12].reduce(
    ({ text, at }, length) => ({
      text: `${text}${text === '' ? '' : '-'}${salt.slice(at, at + length)}`,
      at: at + length,
    }),
    { text: '', at: 0 },
  ).text;
  const { stdout } = await run('veritysetup', [
    ...['format', `--salt=${salt}`, `--uuid=${uuid}`, `--hash-offset=${hashOffset}`],
    ...[`--data-blocks=${hashOffset / BLOCK}`, file, file],
  ]);
  const rootHash = /^Root hash:\s+([0-9a-f]{64})$/m.exec(stdout)?.[1];
  if (rootHash === undefined) throw new Error(`veritysetup printed no root hash: ${stdout}`);
  return { hashOffset, rootHash };
}
