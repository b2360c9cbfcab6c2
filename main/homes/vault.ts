/**
 * A person's files on this computer, encrypted with their password by gocryptfs(1): file names,
 * contents and the ledger of the synchronisation. The key is derived from the password (scrypt),
 * so it opens without the network, and nobody else's sign-in opens it.
 *
 * Layout below the home's folder: `cipher/` (what lies on the disk) and, in it once opened,
 * `files/` (what the person sees), `incoming/` (downloads under way) and `ledger.json`.
 */
import { mkdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import { fsyncFolder } from '../base/files.ts';
import type { Launcher } from '../process/launcher.ts';

/** gocryptfs(1), EXIT CODES: password incorrect. */
const WRONG_PASSWORD = 12;
const UNMOUNT_TRIES = 10;
const UNMOUNT_PAUSE_MS = 300;

export interface VaultPaths {
  /** What lies on the disk. */
  readonly cipher: string;
  /** Where it appears once opened; in the runtime folder, a folder of its own. */
  readonly plain: string;
}

/** Whether the person's files are on this computer. */
export async function vaultExists({ cipher }: VaultPaths): Promise<boolean> {
  return readFile(join(cipher, 'gocryptfs.conf')).then(
    () => true,
    () => false,
  );
}

/**
 * Makes an empty vault: whole or not at all, since a vault without its configuration never opens.
 * @throws KioskError `HOME_UNAVAILABLE` where gocryptfs is missing or fails, `DISK_FULL`,
 * `DISK_READ_ONLY`
 */
export async function createVault(
  launcher: Launcher,
  { cipher }: VaultPaths,
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const fresh = `${cipher}.new`;
  try {
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await gocryptfs(launcher, ['-init', '-q', '--', fresh], secret, signal);
    await fsyncFolder(fresh);
    await rename(fresh, cipher);
    await fsyncFolder(dirname(cipher));
  } catch (error) {
    throw fromDiskError(error, "making a person's folder");
  }
}

/**
 * Opens the vault; one that is open stays so.
 * @throws KioskError `HOME_LOCKED` where the password is not the one it was made with,
 * `HOME_UNAVAILABLE`, `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function openVault(
  launcher: Launcher,
  { cipher, plain }: VaultPaths,
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    await mkdir(plain, { recursive: true, mode: 0o700 });
    // It goes into the background once mounted and ends when it is unmounted.
    await gocryptfs(launcher, ['-q', '--', cipher, plain], secret, signal);
    for (const name of ['files', 'incoming']) {
      await mkdir(join(plain, name), { recursive: true, mode: 0o700 });
    }
  } catch (error) {
    throw fromDiskError(error, "opening a person's folder");
  }
}

/**
 * Closes the vault. Programs that still hold a file keep it until they end (lazy unmount); nobody
 * else gets in.
 */
export async function closeVault(launcher: Launcher, { plain }: VaultPaths): Promise<void> {
  for (let attempt = 0; await isMounted(plain); attempt++) {
    const lazy = attempt >= UNMOUNT_TRIES;
    await launcher
      .run({ program: 'fusermount3', args: ['-u', ...(lazy ? ['-z'] : []), '--', plain] })
      .catch((error: unknown) => {
        if (lazy) throw error;
      });
    if (!lazy && (await isMounted(plain))) await pause(UNMOUNT_PAUSE_MS);
  }
  await rmdir(plain).catch((error: unknown) => {
    // A lazy unmount leaves it until the last user is gone; the next opening finds it.
    if (errno(error) !== 'ENOENT' && errno(error) !== 'EBUSY') throw error;
  });
}

/** From proc(5): spaces and backslashes of a mount point are written in octal. */
export async function isMounted(path: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const written = path.replaceAll(/[\\ \t\n]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
  return mounts.split('\n').some((line) => line.split(' ')[1] === written);
}

async function gocryptfs(
  launcher: Launcher,
  args: readonly string[],
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  // It reads one line: a password with a line end would be cut, and open for whoever knows its start.
  if (secret.includes(10) || secret.length === 0) {
    throw new KioskError('HOME_UNAVAILABLE', 'This password cannot lock a folder.');
  }
  const input = Buffer.concat([secret, Buffer.from('\n')]);
  try {
    const { code } = await launcher.run({
      program: 'gocryptfs',
      args,
      input,
      signal,
      expect: [0, WRONG_PASSWORD],
      // What serves the mount begins in its group, and outlives it and a main that is restarted.
      lifetime: 'adopt',
    });
    if (code === WRONG_PASSWORD) {
      throw new KioskError('HOME_LOCKED', 'The folder was locked with another password.');
    }
  } catch (error) {
    if (!(error instanceof KioskError) || !error.code.startsWith('PROGRAM_')) throw error;
    throw new KioskError('HOME_UNAVAILABLE', `The folder cannot be opened: ${error.message}`, {
      cause: error,
    });
  } finally {
    input.fill(0);
  }
}
