/**
 * Unified kernel images: kernel, initrd and command line as sections of one EFI program, which is
 * signed as a whole. The sections are those of systemd-stub(7); the container is PE/COFF
 * (Microsoft, "PE Format").
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SECTION_HEADER = 40;
const READ_DATA = 0x4000_0040;

/**
 * @param stub `linuxx64.efi.stub` or `linuxaa64.efi.stub`
 * @param sections by name, such as `.linux`; at most 8 bytes each
 * @throws Error where the stub is no PE32+ file or has no room for so many section headers
 */
export function addSections(stub: Buffer, sections: ReadonlyMap<string, Buffer>): Buffer {
  const pe = stub.readUInt32LE(0x3c);
  if (stub.toString('latin1', pe, pe + 4) !== 'PE\0\0') throw new Error('the stub is no PE file');
  const count = stub.readUInt16LE(pe + 6);
  const optional = pe + 24;
  if (stub.readUInt16LE(optional) !== 0x20b) throw new Error('the stub is not PE32+');
  const sectionAlignment = stub.readUInt32LE(optional + 32);
  const fileAlignment = stub.readUInt32LE(optional + 36);
  const headersSize = stub.readUInt32LE(optional + 60);
  const table = optional + stub.readUInt16LE(pe + 20);
  const end = table + (count + sections.size) * SECTION_HEADER;
  if (end > headersSize) throw new Error(`the stub has no room for ${sections.size} more sections`);

  const head = Buffer.from(stub);
  let address = 0;
  for (let index = 0; index < count; index++) {
    const at = table + index * SECTION_HEADER;
    address = Math.max(address, head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12));
  }
  const parts = [head, padding(head.length, fileAlignment)];
  let offset = aligned(head.length, fileAlignment);
  let at = table + count * SECTION_HEADER;
  for (const [name, bytes] of sections) {
    address = aligned(address, sectionAlignment);
    const rawSize = aligned(bytes.length, fileAlignment);
    head.fill(0, at, at + SECTION_HEADER);
    head.write(name, at, 8, 'latin1');
    head.writeUInt32LE(bytes.length, at + 8);
    head.writeUInt32LE(address, at + 12);
    head.writeUInt32LE(rawSize, at + 16);
    head.writeUInt32LE(offset, at + 20);
    head.writeUInt32LE(READ_DATA, at + 36);
    parts.push(bytes, padding(bytes.length, fileAlignment));
    address += bytes.length;
    offset += rawSize;
    at += SECTION_HEADER;
  }
  head.writeUInt16LE(count + sections.size, pe + 6);
  head.writeUInt32LE(aligned(address, sectionAlignment), optional + 56);
  // A wrong checksum is worse than none (0): sbsign writes the right one.
  head.writeUInt32LE(0, optional + 64);
  return Buffer.concat(parts);
}

export interface UkiInputs {
  readonly stub: Buffer;
  readonly linux: Buffer;
  readonly initrd: Buffer;
  /** Sealed: with Secure Boot on, the stub takes no other. */
  readonly commandLine: string;
  /** `uname -r`. */
  readonly kernel: string;
  readonly version: string;
  /** Files of the RSA key and its X.509 certificate, PEM; see keys.ts. */
  readonly key: string;
  readonly certificate: string;
}

/**
 * A signed image. RSA with PKCS #1 v1.5 padding and without a signing time that matters to any
 * firmware; sbsign writes the current time, so {@link UkiInputs} alone do not decide the bytes.
 *
 * @throws Error where sbsign fails
 */
export async function signedUki(inputs: UkiInputs): Promise<Buffer> {
  const release = `ID=vestibule\nPRETTY_NAME="Vestibule ${inputs.version}"\nVERSION_ID=${inputs.version}\n`;
  const image = addSections(
    inputs.stub,
    new Map([
      ['.osrel', Buffer.from(release)],
      ['.cmdline', Buffer.from(inputs.commandLine)],
      ['.uname', Buffer.from(inputs.kernel)],
      ['.linux', inputs.linux],
      ['.initrd', inputs.initrd],
    ]),
  );
  const work = await mkdtemp(join(tmpdir(), 'vestibule-uki-'));
  try {
    const plain = join(work, 'plain.efi');
    const signed = join(work, 'signed.efi');
    await writeFile(plain, image);
    await run('sbsign', [
      ...['--key', inputs.key, '--cert', inputs.certificate],
      ...['--output', signed, plain],
    ]);
    return await readFile(signed);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function aligned(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function padding(length: number, to: number): Buffer {
  return Buffer.alloc(aligned(length, to) - length);
}
