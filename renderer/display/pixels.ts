/**
 * The ways in which a moving screen's pictures arrive, as words of `ImageData` on a
 * little-endian machine. spice-html5 has decoders of its own, byte by byte; these take a tenth of
 * their time.
 */
import type { OpaqueCopy } from './draw-copy.ts';

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
 * LZ4 as spice-server streams it (`server/lz4-encoder.c`): blocks, each after its length of four
 * big-endian bytes, whose references reach back into the blocks before. Units are bytes.
 *
 * @param output as many bytes as the picture has
 * @throws RangeError for data that reaches outside the picture
 */
export function decodeLz4(input: Uint8Array, output: Uint8Array): void {
  let at = 0;
  let to = 0;
  while (to < output.length) {
    if (at + 4 > input.length) throw new RangeError('the picture is cut off');
    const length =
      (((input[at] ?? 0) << 24) |
        ((input[at + 1] ?? 0) << 16) |
        ((input[at + 2] ?? 0) << 8) |
        (input[at + 3] ?? 0)) >>>
      0;
    at += 4;
    if (length === 0 || at + length > input.length) throw new RangeError('a block is cut off');
    to = decodeLz4Block(input, at, at + length, output, to);
    at += length;
  }
}

/** @returns where the next block's bytes go */
function decodeLz4Block(
  input: Uint8Array,
  from: number,
  end: number,
  output: Uint8Array,
  start: number,
): number {
  let at = from;
  let to = start;
  while (at < end) {
    const token = input[at++] ?? 0;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < end) {
        more = input[at++] ?? 0;
        literals += more;
      }
    }
    if (at + literals > end || to + literals > output.length) {
      throw new RangeError('the literals leave the picture');
    }
    if (literals > 32) output.set(input.subarray(at, at + literals), to);
    else for (let index = 0; index < literals; index++) output[to + index] = input[at + index] ?? 0;
    at += literals;
    to += literals;
    // A block ends with literals.
    if (at >= end) break;
    const distance = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    at += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255 && at < end) {
        more = input[at++] ?? 0;
        length += more;
      }
    }
    if (distance === 0 || distance > to || to + length > output.length) {
      throw new RangeError('a reference leaves the picture');
    }
    if (distance >= length && length > 32)
      output.copyWithin(to, to - distance, to - distance + length);
    else
      for (let index = 0; index < length; index++)
        output[to + index] = output[to + index - distance] ?? 0;
    to += length;
  }
  return to;
}

/** Where a picture's rows go. */
export interface Rows {
  /** Of the upper row's first pixel. */
  readonly at: number;
  /** From one row to the next. */
  readonly step: number;
}

/**
 * Uncompressed 32-bit pixels (blue, green, red, unused) to their places.
 *
 * @param stride bytes from one row of the input to the next
 * @param topDown false: the input's first row is the lowest one
 * @throws RangeError for too few bytes
 */
export function putRgb32(
  input: Uint8Array<ArrayBuffer>,
  stride: number,
  topDown: boolean,
  output: Uint32Array,
  to: Rows,
  width: number,
  height: number,
): void {
  // A picture lies anywhere in its message; a view reads words there as fast as an array does.
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  for (let row = 0; row < height; row++) {
    let at = row * stride;
    const start = to.at + (topDown ? row : height - 1 - row) * to.step;
    for (let index = start; index < start + width; index++, at += 4) {
      const word = view.getUint32(at, true);
      output[index] = OPAQUE | ((word & 0xff) << 16) | (word & 0xff00) | ((word >> 16) & 0xff);
    }
  }
}

/** Decoded pixels, row by row without gaps, to their places. */
export function putWords(
  input: Uint32Array,
  topDown: boolean,
  output: Uint32Array,
  to: Rows,
  width: number,
  height: number,
): void {
  for (let row = 0, at = 0; row < height; row++) {
    const start = to.at + (topDown ? row : height - 1 - row) * to.step;
    for (let index = start; index < start + width; index++) output[index] = input[at++] ?? 0;
  }
}

/** Decodes pictures, with memory for their pixels that it keeps. */
export class Decoder {
  #pixels = new Uint32Array(0);

  /**
   * @param output large enough for all rows
   * @throws RangeError for data that is not a picture of this size; some of it may be written
   */
  decode(picture: OpaqueCopy, output: Uint32Array, to: Rows): void {
    const { encoding, data, stride, topDown, width, height } = picture;
    if (encoding === 'plain') {
      putRgb32(data, stride, topDown, output, to, width, height);
      return;
    }
    const count = width * height;
    if (this.#pixels.length < count) this.#pixels = new Uint32Array(count);
    const pixels = this.#pixels.subarray(0, count);
    if (encoding === 'lz') {
      decodeLzRgb32(data, pixels);
      putWords(pixels, topDown, output, to, width, height);
    } else {
      const bytes = new Uint8Array(pixels.buffer, 0, count * 4);
      decodeLz4(data, bytes);
      putRgb32(bytes, width * 4, topDown, output, to, width, height);
    }
  }
}
