/**
 * MD4 (RFC 1320), which NTLM builds on and which OpenSSL 3 no longer offers to Node. It protects
 * nothing by itself here: NTLM runs inside a TLS connection whose certificate was checked.
 */

const BLOCK = 64;
/** Per round: shifts, the order of words, the added constant. */
const ROUNDS = [
  { shifts: [3, 7, 11, 19], words: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], add: 0 },
  {
    shifts: [3, 5, 9, 13],
    words: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    add: 0x5a82_7999,
  },
  {
    shifts: [3, 9, 11, 15],
    words: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    add: 0x6ed9_eba1,
  },
] as const;
const MIX: readonly ((x: number, y: number, z: number) => number)[] = [
  (x, y, z) => (x & y) | (~x & z),
  (x, y, z) => (x & y) | (x & z) | (y & z),
  (x, y, z) => x ^ y ^ z,
];

/** The 16 bytes of the digest. */
export function md4(message: Uint8Array): Buffer {
  const length = (Math.floor((message.length + 8) / BLOCK) + 1) * BLOCK;
  const padded = Buffer.alloc(length);
  padded.set(message);
  padded[message.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, length - 8);

  const state = Uint32Array.of(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476);
  for (let at = 0; at < length; at += BLOCK) mixBlock(state, padded, at);
  // It holds a password in the only use that there is.
  padded.fill(0);
  const digest = Buffer.alloc(16);
  state.forEach((word, index) => {
    digest.writeUInt32LE(word, index * 4);
  });
  return digest;
}

function mixBlock(state: Uint32Array, message: Buffer, at: number): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  ROUNDS.forEach(({ shifts, words, add }, round) => {
    const mix = MIX[round];
    if (mix === undefined) return;
    words.forEach((word, step) => {
      const sum = (a + mix(b, c, d) + message.readUInt32LE(at + word * 4) + add) | 0;
      const shift = shifts[step % 4] ?? 0;
      [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
    });
  });
  [a, b, c, d].forEach((value, index) => {
    state[index] = (state[index] ?? 0) + value;
  });
}
