import { type FileHandle, open } from 'node:fs/promises';

/**
 * A change within this time before the cloning could have the same time stamp as one after it: ten
 * ticks of the slowest clock that Linux keeps for files (CONFIG_HZ=100).
 */
const SETTLED_MS = 100;

/**
 * The file that another one is a clone of. As long as nobody writes to it, what is read here is
 * what the clone has, and the kernel may have it in memory, where sessions used it; the clone's
 * own bytes would come from the disk and be decompressed again (docs/adr/0014).
 */
export class Original {
  readonly #file: FileHandle;
  readonly #before: string | undefined;

  private constructor(file: FileHandle, before: string | undefined) {
    this.#file = file;
    this.#before = before;
  }

  /** To be called before the cloning. */
  static async open(path: string): Promise<Original> {
    const file = await open(path, 'r');
    const { ctimeMs } = await file.stat();
    const settled = Math.abs(Date.now() - ctimeMs) > SETTLED_MS;
    return new Original(file, settled ? await state(file) : undefined);
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** Of the very file that was opened, whatever has its name by now. */
  get path(): string {
    return `/proc/self/fd/${this.#file.fd}`;
  }

  /** True if nothing was written to it since it was opened: its time of change cannot be set. */
  async unchanged(): Promise<boolean> {
    return this.#before !== undefined && (await state(this.#file)) === this.#before;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function state(file: FileHandle): Promise<string> {
  const { ctimeNs, mtimeNs, size } = await file.stat({ bigint: true });
  return `${ctimeNs} ${mtimeNs} ${size}`;
}
