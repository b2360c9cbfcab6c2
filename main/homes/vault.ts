/**
 * A person's files on this computer, encrypted with their password by gocryptfs(1): file names,
 * contents and the ledger of the synchronisation. The key is derived from the password (scrypt),
 * so it opens without the network, and nobody else's sign-in opens it.
 *
 * It is mounted in a user and mount namespace of its own: that needs no root and no setuid program
 * (the kiosk runs with `NoNewPrivileges`), other users do not see it, and it is gone with the
 * process that serves it. Main and the machines reach it through that process, proc(5):
 * `/proc/PID/root/…`.
 *
 * Layout below the home's folder: `cipher/` (what lies on the disk) and, in it once opened,
 * `files/` (what the person sees), `incoming/` (downloads under way) and `ledger.json`.
 */
import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import { fsyncFolder } from '../base/files.ts';
import type { Launcher } from '../process/launcher.ts';

/** gocryptfs(1), EXIT CODES: password incorrect. */
const WRONG_PASSWORD = 12;
const CLOSE_TRIES = 50;
const CLOSE_PAUSE_MS = 100;
/** The mount's user is the kiosk's, with the capability to mount in this namespace alone. */
const NAMESPACE = ['--user', '--map-current-user', '--keep-caps', '--mount', '--'];

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
 * Opens the vault.
 * @returns where its content is: a path that ends with the vault's process
 * @throws KioskError `HOME_LOCKED` where the password is not the one it was made with,
 * `HOME_UNAVAILABLE`, `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function openVault(
  launcher: Launcher,
  paths: VaultPaths,
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<string> {
  const { cipher, plain } = paths;
  try {
    await mkdir(plain, { recursive: true, mode: 0o700 });
    // It goes into the background once mounted and ends when it is told to.
    await gocryptfs(launcher, ['-q', '--', cipher, plain], secret, signal);
    const root = await openedAt(plain);
    if (root === undefined) {
      throw new KioskError('HOME_UNAVAILABLE', 'The folder was closed again at once.');
    }
    // The kernel takes a FUSE root for user 0's until it has asked, and 0 is nobody in there: it
    // would refuse to write (fs/fuse/inode.c, fuse_get_root_inode).
    await stat(root);
    for (const name of ['files', 'incoming']) {
      await mkdir(join(root, name), { recursive: true, mode: 0o700 });
    }
    return root;
  } catch (error) {
    throw fromDiskError(error, "opening a person's folder");
  }
}

/** Where the content of a vault is that is open on this mount point; undefined: it is closed. */
export async function openedAt(plain: string): Promise<string | undefined> {
  const pid = await serverOf(plain);
  return pid === undefined ? undefined : `/proc/${pid}/root${plain}`;
}

/** Closes the vault. Programs that still hold a file of it find it gone. */
export async function closeVault(plain: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const pid = await serverOf(plain);
    if (pid === undefined) break;
    try {
      // At SIGTERM it unmounts and ends; its namespace, and the mount, end with it in any case.
      if (attempt === 0 || attempt >= CLOSE_TRIES) {
        process.kill(pid, attempt === 0 ? 'SIGTERM' : 'SIGKILL');
      }
    } catch (error) {
      if (errno(error) !== 'ESRCH') throw error;
    }
    await pause(CLOSE_PAUSE_MS);
  }
  await rmdir(plain).catch((error: unknown) => {
    if (errno(error) !== 'ENOENT') throw error;
  });
}

/** The process that serves a mount point: the one that has it, among those that name it. */
async function serverOf(plain: string): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const words = (await readProc(pid, 'cmdline')).split('\0');
    if (!words[0]?.endsWith('gocryptfs') || !words.includes(plain)) continue;
    // proc(5): spaces and the like of a mount point are written in octal.
    const written = plain.replaceAll(/[\\ \t\n]/g, (character) => {
      return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
    });
    const mounts = (await readProc(pid, 'mounts')).split('\n');
    if (mounts.some((line) => line.split(' ')[1] === written)) return pid;
  }
  return undefined;
}

async function readProc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
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
      program: 'unshare',
      args: [...NAMESPACE, 'gocryptfs', ...args],
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
