/**
 * What has been decoded of a surface and not been drawn yet. A screen in motion comes as some
 * sixty strips a frame: they are drawn together, when the browser is about to show a frame.
 */

interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A frame that is not shown gets no animation frames: what waits must not grow for ever. */
const MAX_WAITING = 256;

export class FrameBuffer {
  readonly width: number;
  readonly height: number;
  /** Pixels as `ImageData` has them on a little-endian machine; valid only where they wait. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly #image: ImageData;
  readonly #context: CanvasRenderingContext2D;
  #waiting: Area[] = [];
  #scheduled = false;

  constructor(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) {
    this.width = canvas.width;
    this.height = canvas.height;
    this.#context = context;
    this.#image = new ImageData(this.width, this.height);
    this.words = new Uint32Array(this.#image.data.buffer);
  }

  /** The area holds new pixels, to be drawn with the next frame. */
  wrote(left: number, top: number, width: number, height: number): void {
    const area = { left, top, right: left + width, bottom: top + height };
    const last = this.#waiting.at(-1);
    if (last === undefined || !joined(last, area)) this.#waiting.push(area);
    if (this.#waiting.length > MAX_WAITING) this.draw();
    if (this.#scheduled) return;
    this.#scheduled = true;
    window.requestAnimationFrame(() => {
      this.#scheduled = false;
      this.draw();
    });
  }

  /** Draws what waits, before anything else is drawn or read. */
  draw(): void {
    for (const { left, top, right, bottom } of this.#waiting) {
      this.#context.putImageData(this.#image, 0, 0, left, top, right - left, bottom - top);
    }
    this.#waiting = [];
  }
}

/** Adds an area that lies beside the other, so that both together are a rectangle. */
function joined(to: Area, area: Area): boolean {
  const inColumn = area.left === to.left && area.right === to.right;
  const inRow = area.top === to.top && area.bottom === to.bottom;
  if (inRow && area.left <= to.right && area.right >= to.left) {
    to.left = Math.min(to.left, area.left);
    to.right = Math.max(to.right, area.right);
    return true;
  }
  if (inColumn && area.top <= to.bottom && area.bottom >= to.top) {
    to.top = Math.min(to.top, area.top);
    to.bottom = Math.max(to.bottom, area.bottom);
    return true;
  }
  return false;
}
