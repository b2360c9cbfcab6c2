/**
 * Of SPICE's drawings, the one that a moving screen consists of: an opaque picture, put onto a
 * surface as it is (spice-protocol, `SpiceMsgDisplayDrawCopy`). Read in place: at 1920×1080 these
 * are some 250 MB a second, and the library copies each picture three times on its way.
 */

const CLIP_NONE = 0;
const ROP_PUT = 8;
const IMAGE = { bitmap: 0, lzRgb: 101, lz4: 109 } as const;
const CACHE_ME = 1;
const HIGH_BITS_SET = 2;
const BITMAP_32BIT = 8;
const BITMAP_TOP_DOWN = 4;
const LZ_RGB32 = 8;
const LZ_HEADER_BYTES = 28;
/** Base with its clip type, and the copy with its empty mask. */
const FIXED_BYTES = 21 + 36;
const DESCRIPTOR_BYTES = 18;

export interface OpaqueCopy {
  readonly surface: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** The server will name this picture again instead of sending it. */
  readonly cached: boolean;
  readonly encoding: 'plain' | 'lz' | 'lz4';
  readonly topDown: boolean;
  readonly data: Uint8Array<ArrayBuffer>;
  /** Of plain pixels: bytes from one row to the next. */
  readonly stride: number;
}

/**
 * Undefined for everything that needs more than pixels in their places: clipping, raster
 * operations, masks, parts of pictures, pictures of the cache, transparency, other encodings.
 *
 * @throws RangeError for a message that is cut off
 */
export function parseOpaqueCopy(message: ArrayBuffer): OpaqueCopy | undefined {
  const view = new DataView(message);
  if (view.byteLength < FIXED_BYTES + DESCRIPTOR_BYTES) return undefined;
  const int = (at: number): number => view.getInt32(at, true);
  const [top, left] = [int(4), int(8)];
  const [height, width] = [int(12) - top, int(16) - left];
  if (view.getUint8(20) !== CLIP_NONE || top < 0 || left < 0 || width <= 0 || height <= 0) {
    return undefined;
  }
  const image = view.getUint32(21, true);
  if (image === 0 || int(25) !== 0 || int(29) !== 0 || int(33) !== height || int(37) !== width) {
    return undefined;
  }
  const maskFlags = view.getUint8(44);
  if (view.getUint16(41, true) !== ROP_PUT || maskFlags !== 0 || int(53) !== 0) return undefined;
  const flags = view.getUint8(image + 9);
  if ((flags & ~(HIGH_BITS_SET | CACHE_ME)) !== 0) return undefined;
  if (int(image + 10) !== width || int(image + 14) !== height) return undefined;
  const picture = pictureAt(view, view.getUint8(image + 8), image + DESCRIPTOR_BYTES, width);
  const cached = (flags & CACHE_ME) !== 0;
  return picture && { surface: int(0), left, top, width, height, cached, ...picture };
}

function pictureAt(
  view: DataView<ArrayBuffer>,
  type: number,
  at: number,
  width: number,
): Pick<OpaqueCopy, 'encoding' | 'topDown' | 'data' | 'stride'> | undefined {
  const bytes = (from: number, length?: number) => new Uint8Array(view.buffer, from, length);
  switch (type) {
    case IMAGE.bitmap: {
      const stride = view.getUint32(at + 10, true);
      if (view.getUint8(at) !== BITMAP_32BIT || stride < width * 4) return undefined;
      const topDown = (view.getUint8(at + 1) & BITMAP_TOP_DOWN) !== 0;
      return { encoding: 'plain', topDown, data: bytes(at + 18), stride };
    }
    case IMAGE.lzRgb: {
      const length = view.getUint32(at, true) - LZ_HEADER_BYTES;
      // The picture's own header is big-endian: magic, version, type, width, height, stride, order.
      if (view.getUint32(at + 12) !== LZ_RGB32) return undefined;
      const topDown = view.getUint32(at + 28) !== 0;
      return { encoding: 'lz', topDown, data: bytes(at + 4 + LZ_HEADER_BYTES, length), stride: 0 };
    }
    case IMAGE.lz4: {
      const length = view.getUint32(at, true) - 2;
      if (view.getUint8(at + 5) !== BITMAP_32BIT) return undefined;
      const topDown = view.getUint8(at + 4) !== 0;
      return { encoding: 'lz4', topDown, data: bytes(at + 6, length), stride: 0 };
    }
    default:
      return undefined;
  }
}
