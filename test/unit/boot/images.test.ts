import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { closedKeymap } from '../../../squashfs/keymap.ts';
import { addSections } from '../../../squashfs/uki.ts';
import { enrolInDb, enrolInShim } from '../../../squashfs/varstore.ts';

/** The smallest PE32+ file that has what a stub has: one section, and room for more headers. */
function stub(sections = 1): Buffer {
  const file = Buffer.alloc(0x600);
  file.writeUInt32LE(0x80, 0x3c);
  file.write('PE\0\0', 0x80, 'latin1');
  file.writeUInt16LE(sections, 0x86);
  file.writeUInt16LE(240, 0x80 + 20);
  const optional = 0x80 + 24;
  file.writeUInt16LE(0x20b, optional);
  file.writeUInt32LE(0x1000, optional + 32);
  file.writeUInt32LE(0x200, optional + 36);
  file.writeUInt32LE(0x2000, optional + 56);
  file.writeUInt32LE(0x400, optional + 60);
  const section = optional + 240;
  file.write('.text', section, 'latin1');
  file.writeUInt32LE(0x123, section + 8);
  file.writeUInt32LE(0x1000, section + 12);
  file.writeUInt32LE(0x200, section + 16);
  file.writeUInt32LE(0x400, section + 20);
  return file;
}

describe('a unified kernel image', () => {
  it('has the sections, aligned in memory and in the file', () => {
    const linux = Buffer.alloc(0x1234, 7);
    const initrd = Buffer.alloc(5, 9);
    const image = addSections(
      stub(),
      new Map([
        ['.linux', linux],
        ['.initrd', initrd],
      ]),
    );
    expect(image.readUInt16LE(0x86)).toBe(3);
    const at = 0x80 + 24 + 240 + 40;
    const section = (index: number) => {
      const head = image.subarray(at + index * 40);
      return {
        name: head.toString('latin1', 0, 8).replaceAll('\0', ''),
        size: head.readUInt32LE(8),
        address: head.readUInt32LE(12),
        offset: head.readUInt32LE(20),
      };
    };
    expect(section(0)).toEqual({ name: '.linux', size: 0x1234, address: 0x2000, offset: 0x600 });
    expect(section(1)).toEqual({ name: '.initrd', size: 5, address: 0x4000, offset: 0x1a00 });
    expect(image.subarray(0x600, 0x600 + linux.length)).toEqual(linux);
    expect(image.subarray(0x1a00, 0x1a05)).toEqual(initrd);
    expect(image.readUInt32LE(0x80 + 24 + 56)).toBe(0x5000);
  });

  it('refuses a stub without room, and what is no stub', () => {
    const many = new Map(Array.from({ length: 20 }, (_, index) => [`.s${index}`, Buffer.alloc(1)]));
    expect(() => addSections(stub(), many)).toThrow(/no room/);
    expect(() => addSections(Buffer.alloc(0x600), new Map())).toThrow(/no PE file/);
  });
});

describe('a variable store of OVMF', () => {
  const store = readFileSync('/usr/share/OVMF/OVMF_VARS_4M.ms.fd');
  const certificate = Buffer.from('a certificate in DER');

  it('gets a machine owner key, and loses nothing', () => {
    const changed = enrolInShim(store, certificate);
    expect(changed).toHaveLength(store.length);
    expect(changed.includes(certificate)).toBe(true);
    for (const name of ['PK', 'KEK', 'db', 'dbx', 'SecureBootEnable', 'MokList'])
      expect(changed.includes(Buffer.from(`${name}\0`, 'utf16le')), name).toBe(true);
  });

  it('gets the certificate beside those that the firmware believed', () => {
    const changed = enrolInDb(store, certificate);
    const microsoft = Buffer.from('Microsoft Corporation UEFI CA 2011');
    expect(changed.includes(microsoft)).toBe(true);
    expect(changed.includes(certificate)).toBe(true);
    // Rewritten whole: a second change finds the first.
    expect(enrolInShim(changed, Buffer.from('another')).includes(certificate)).toBe(true);
  });

  it('is refused where Secure Boot is not set up', () => {
    const empty = readFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd');
    expect(() => enrolInDb(empty, certificate)).toThrow(/no "db"/);
    expect(() => enrolInDb(Buffer.alloc(1 << 16), certificate)).toThrow(/no firmware volume/);
  });
});

describe('the console’s keymap', () => {
  const keymap = closedKeymap();
  const entry = (table: number, key: number): number => {
    const flags = [...keymap.subarray(7, 263)];
    const before = flags.slice(0, table).filter((flag) => flag === 1).length;
    return keymap.readUInt16LE(263 + (before * 128 + key) * 2);
  };

  it('has nothing on Alt and F2, or on Control, Alt and Delete', () => {
    expect(keymap.subarray(7, 9)).toEqual(Buffer.from([0, 0]));
    expect(entry(8, 60)).toBe(0x0200);
    expect(entry(12, 111)).toBe(0x0200);
    expect(keymap).toHaveLength(7 + 256 + 14 * 256);
  });

  it('sees modifiers let go', () => {
    for (let table = 2; table < 16; table++) expect(entry(table, 56)).toBe(0x0703);
  });
});
