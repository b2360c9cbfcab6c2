/** The bytes of one message body, little-endian. */
export function body(
  ...fields: readonly (readonly [bits: 8 | 16 | 32, value: number])[]
): Uint8Array {
  const length = fields.reduce((sum, [bits]) => sum + bits / 8, 0);
  const view = new DataView(new ArrayBuffer(length));
  let at = 0;
  for (const [bits, value] of fields) {
    if (bits === 8) view.setUint8(at, value);
    else if (bits === 16) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bits / 8;
  }
  return new Uint8Array(view.buffer);
}
