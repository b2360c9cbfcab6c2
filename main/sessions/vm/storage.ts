/**
 * Where machines keep things. Per session: a runtime folder (sockets, record; tmpfs) and a disk
 * folder (overlay, scratch disks). Per person, entry and image version, where the entry says so:
 * a kept folder (overlay, UEFI variables, TPM state).
 *
 * Images are told to be in use by the overlays found here, see `main/images/overlays.ts`.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromDiskError, KioskError } from '../../base/errors.ts';

/** sockaddr_un holds 107 bytes; our longest name below the runtime folder is 27. */
const MAX_RUNTIME_PATH = 80;

export class MachineStorage {
  readonly #runtime: string;
  readonly #state: string;

  /** @throws KioskError `SETTINGS_INVALID` for a runtime folder too deep for sockets */
  constructor(runtimeFolder: string, stateFolder: string) {
    if (Buffer.byteLength(runtimeFolder) > MAX_RUNTIME_PATH) {
      throw new KioskError(
        'SETTINGS_INVALID',
        `The runtime folder's path is longer than ${MAX_RUNTIME_PATH} bytes: sockets cannot be made in it.`,
      );
    }
    this.#runtime = runtimeFolder;
    this.#state = stateFolder;
  }

  /** Makes the folders; cheap, and needed before anything else. */
  async open(): Promise<void> {
    await folder(this.#runtime);
    await folder(this.disks);
  }

  /** The folder whose file system overlays grow on. */
  get disks(): string {
    return join(this.#state, 'sessions');
  }

  get runtime(): string {
    return this.#runtime;
  }

  /** Socket paths are short, so session ids become digests. */
  runtimeFolder(sessionId: string): string {
    return join(this.#runtime, `v-${digest(sessionId)}`);
  }

  diskFolder(sessionId: string): string {
    return join(this.disks, digest(sessionId));
  }

  keptFolder(owner: readonly string[]): string {
    return join(this.#state, 'kept', digest(owner.join('\0'), 32));
  }

  /** Runtime folders of machines, whatever their state. */
  async runtimeFolders(): Promise<string[]> {
    const names = await readdir(this.#runtime).catch(() => []);
    return names.filter((name) => name.startsWith('v-')).map((name) => join(this.#runtime, name));
  }

  /** Removes disks of sessions that no longer run: a power cut leaves them without a record. */
  async removeDisksExcept(running: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.disks).catch(() => [])) {
      const path = join(this.disks, name);
      if (!running.has(path)) await rm(path, { recursive: true, force: true });
    }
  }
}

/** Creates a folder that only the kiosk's user may enter. */
export async function folder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fromDiskError(error, "making a machine's folder");
  }
}

/** Hexadecimal, as long as asked for. */
export function digest(text: string, length = 12): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
