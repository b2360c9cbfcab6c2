/**
 * A console's keymap without a way out: with Control, Alt or AltGr held, no key does anything, so
 * that nobody switches terminals, restarts or breaks off. In the form of busybox `loadkmap`:
 * "bkeymap", 256 flags, then 128 little-endian entries for each table that has a flag. Keys alone
 * and with Shift stay the kernel's.
 */

const TABLES = 256;
const KEYS = 128;
/** linux/keyboard.h: K_HOLE. */
const HOLE = 0x0200;
/** A modifier must be seen when it is let go, whatever else is held: key code to K(KT_SHIFT, …). */
const MODIFIERS: ReadonlyMap<number, number> = new Map([
  [42, 0x0700], // Shift
  [54, 0x0700],
  [100, 0x0701], // AltGr
  [29, 0x0702], // Control
  [97, 0x0702],
  [56, 0x0703], // Alt
]);
/** Bits of a table's number: Shift 1, AltGr 2, Control 4, Alt 8. */
const SHIFT = 1;
const HELD = 16;

export function closedKeymap(): Buffer {
  const flags = Buffer.alloc(TABLES);
  const tables: Buffer[] = [];
  for (let table = SHIFT + 1; table < HELD; table++) {
    flags[table] = 1;
    const entries = Buffer.alloc(KEYS * 2);
    for (let key = 0; key < KEYS; key++) entries.writeUInt16LE(MODIFIERS.get(key) ?? HOLE, key * 2);
    tables.push(entries);
  }
  return Buffer.concat([Buffer.from('bkeymap'), flags, ...tables]);
}
