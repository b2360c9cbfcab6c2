/** The guest's pointer shape as a CSS cursor, and the channel that brings it. */
import { SpiceCursorConn } from 'spice-html5/cursor.js';
import type { SpiceMessage } from 'spice-html5/spiceconn.js';

const MESSAGE = { init: 101, reset: 102, set: 103, move: 104, hide: 105, invalAll: 108 } as const;
const FLAG = { none: 1, cacheMe: 2, fromCache: 4 } as const;
const TYPE = { alpha: 0, mono: 1 } as const;
/** Chromium shows no larger ones; what is larger becomes the plain arrow. */
const MAX_SIZE = 128;

/** Replaces the library's handler, which reads the wrong flags and throws on an absent shape. */
export class CursorChannel extends SpiceCursorConn {
  onCursor: ((css: string) => void) | undefined;
  readonly #cache = new Map<bigint, string>();
  #shape = 'default';

  override process_channel_message(message: SpiceMessage): boolean {
    const data = new DataView(message.data ?? new ArrayBuffer(0));
    switch (message.type) {
      case MESSAGE.init:
        this.#set(data, 9, data.getUint8(8) !== 0);
        return true;
      case MESSAGE.set:
        this.#set(data, 5, data.getUint8(4) !== 0);
        return true;
      case MESSAGE.move:
        this.onCursor?.(this.#shape);
        return true;
      case MESSAGE.hide:
        this.onCursor?.('none');
        return true;
      case MESSAGE.reset:
        this.#shape = 'default';
        this.onCursor?.('default');
        return true;
      case MESSAGE.invalAll:
        this.#cache.clear();
        return true;
      default:
        return true;
    }
  }

  /** `at`: where the SpiceCursor begins (spice-common, spice.proto: flags, header, data). */
  #set(data: DataView, at: number, visible: boolean): void {
    const flags = data.getUint16(at, true);
    if ((flags & FLAG.none) !== 0) {
      // No shape of the guest's own, as on a text console: it draws its pointer itself.
      this.onCursor?.(visible ? this.#shape : 'none');
      return;
    }
    const unique = data.getBigUint64(at + 2, true);
    const known = (flags & FLAG.fromCache) !== 0 ? this.#cache.get(unique) : undefined;
    this.#shape = known ?? drawCursor(data, at + 10) ?? 'default';
    if ((flags & FLAG.cacheMe) !== 0) this.#cache.set(unique, this.#shape);
    this.onCursor?.(visible ? this.#shape : 'none');
  }
}

function drawCursor(data: DataView, at: number): string | undefined {
  if (data.byteLength < at + 9) return undefined;
  const type = data.getUint8(at);
  const [width, height] = [data.getUint16(at + 1, true), data.getUint16(at + 3, true)];
  const [hotX, hotY] = [data.getUint16(at + 5, true), data.getUint16(at + 7, true)];
  const bytes = new Uint8Array(data.buffer, data.byteOffset + at + 9);
  if (width === 0 || height === 0 || width > MAX_SIZE || height > MAX_SIZE) return undefined;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) return undefined;
  const image = context.createImageData(width, height);
  if (type === TYPE.alpha && bytes.length >= width * height * 4) paintAlpha(bytes, image.data);
  else if (type === TYPE.mono && bytes.length >= 2 * Math.ceil(width / 8) * height) {
    paintMono(bytes, image);
  } else return undefined;
  context.putImageData(image, 0, 0);
  return `url(${canvas.toDataURL('image/png')}) ${Math.min(hotX, width - 1)} ${Math.min(hotY, height - 1)}, default`;
}

/** Premultiplied BGRA to RGBA. */
function paintAlpha(bytes: Uint8Array, pixels: Uint8ClampedArray): void {
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = bytes[at + 3] ?? 0;
    const scale = alpha === 0 ? 0 : 255 / alpha;
    pixels[at] = (bytes[at + 2] ?? 0) * scale;
    pixels[at + 1] = (bytes[at + 1] ?? 0) * scale;
    pixels[at + 2] = (bytes[at] ?? 0) * scale;
    pixels[at + 3] = alpha;
  }
}

/** AND mask, then XOR mask: 00 black, 01 white, 10 transparent, 11 inverts (drawn black). */
function paintMono(bytes: Uint8Array, image: ImageData): void {
  const stride = Math.ceil(image.width / 8);
  const bit = (offset: number, x: number, y: number): boolean =>
    (((bytes[offset + y * stride + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1) === 1;
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const and = bit(0, x, y);
      const xor = bit(stride * image.height, x, y);
      const at = (y * image.width + x) * 4;
      image.data.fill(xor && !and ? 255 : 0, at, at + 3);
      image.data[at + 3] = and && !xor ? 0 : 255;
    }
  }
}
