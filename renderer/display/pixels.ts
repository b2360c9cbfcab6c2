/**
 * The two ways in which a moving screen's pictures arrive, as words of `ImageData` on a
 * little-endian machine. spice-html5 has decoders of its own, byte by byte; these take a tenth of
 * their time.
 */

const OPAQUE = 0xff00_0000;
/** A distance with all its 13 bits set is followed by 16 further bits. */
const FAR = 0x1fff;

/**
 * SPICE's LZ for 32 bits a pixel (spice-common, `common/lz.c`): a FastLZ whose units are pixels.
 *
 * @param input packed BGR literals and references
 * @param output one word for each pixel
 * @throws RangeError for data that reaches outside the picture
 */
export function decodeLzRgb32(input: Uint8Array, output: Uint32Array): void {
  let at = 0;
  let to = 0;
  while (to < output.length) {
    if (at >= input.length) throw new RangeError('the picture is cut off');
    const control = input[at++] ?? 0;
    if (control < 32) {
      const end = to + control + 1;
      if (end > output.length) throw new RangeError('the picture is too long');
      for (; to < end; at += 3) {
        output[to++] =
          OPAQUE | ((input[at] ?? 0) << 16) | ((input[at + 1] ?? 0) << 8) | (input[at + 2] ?? 0);
      }
      continue;
    }
    let length = control >> 5;
    let distance = (control & 31) << 8;
    if (length === 7) {
      let more = 255;
      while (more === 255) {
        more = input[at++] ?? 0;
        length += more;
      }
    }
    distance += input[at++] ?? 0;
    if (distance === FAR) {
      distance += ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
      at += 2;
    }
    distance += 1;
    const from = to - distance;
    const end = to + length;
    if (from < 0 || end > output.length) throw new RangeError('a reference leaves the picture');
    if (distance === 1) output.fill(output[from] ?? 0, to, end);
    else if (distance >= length) output.copyWithin(to, from, from + length);
    // An overlapping reference repeats what it has just written.
    else for (let index = to; index < end; index++) output[index] = output[index - distance] ?? 0;
    to = end;
  }
}

/**
 * Uncompressed 32-bit pixels (blue, green, red, unused), as small changes come.
 *
 * @param input rows of `width` pixels, without gaps between them
 * @throws RangeError for too few bytes
 */
export function copyRgb32(input: ArrayBuffer, output: Uint32Array): void {
  const words = new Uint32Array(input, 0, output.length);
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? 0;
    output[index] = OPAQUE | ((word & 0xff) << 16) | (word & 0xff00) | ((word >> 16) & 0xff);
  }
}

/** Turns a picture whose last row comes first (as QEMU sends them) the right way up. */
export function flipRows(words: Uint32Array, width: number): void {
  const row = new Uint32Array(width);
  for (let top = 0, bottom = words.length - width; top < bottom; top += width, bottom -= width) {
    row.set(words.subarray(top, top + width));
    words.copyWithin(top, bottom, bottom + width);
    words.set(row, bottom);
  }
}
