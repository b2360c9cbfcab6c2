/**
 * A writer of the cpio newc format (Documentation/driver-api/early-userspace/buffer-format.rst of
 * Linux); every field is fixed, so the same input gives the same bytes.
 */
export class Cpio {
  readonly #parts: Buffer[] = [];
  #inode = 1;

  folder(path: string): void {
    this.#entry(path, 0o040755, Buffer.alloc(0));
  }

  file(path: string, bytes: Buffer, mode: number): void {
    this.#entry(path, 0o100000 | mode, bytes);
  }

  link(path: string, target: string): void {
    this.#entry(path, 0o120777, Buffer.from(target));
  }

  end(): Buffer {
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0));
    return Buffer.concat(this.#parts);
  }

  #entry(path: string, mode: number, bytes: Buffer): void {
    const name = Buffer.from(`${path}\0`);
    const links = 1;
    const fields = [this.#inode++, mode, 0, 0, links, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
    const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    this.#push(Buffer.concat([Buffer.from(head, 'latin1'), name]));
    this.#push(bytes);
  }

  #push(bytes: Buffer): void {
    const rest = bytes.length % 4;
    this.#parts.push(bytes);
    if (rest > 0) this.#parts.push(Buffer.alloc(4 - rest));
  }
}
