/** spice-html5's channels with their faults worked around (docs/adr/0006-spice-display.md). */
import { SpiceDisplayConn } from 'spice-html5/display.js';
import { SpiceInputsConn } from 'spice-html5/inputs.js';
import { SpiceMainConn } from 'spice-html5/main.js';
import { SpicePlaybackConn } from 'spice-html5/playback.js';
import type { SpiceConnOptions, SpiceMessage } from 'spice-html5/spiceconn.js';
import { type SpiceImage, SpiceMsgDisplayDrawCopy } from 'spice-html5/spicemsg.js';
import { isToken } from './address.ts';
import { Agent } from './agent.ts';
import { body } from './body.ts';
import { copyRgb32, decodeLzRgb32, flipRows } from './pixels.ts';
import { type HearsBridge, outgoing, send } from './wire.ts';

const MAIN = { channelsList: 104, agentDisconnected: 108, agentData: 109 } as const;
const DISPLAY = { preferredCompression: 103, drawCopy: 304 } as const;
const IMAGE = { bitmap: 0, lzRgb: 101 } as const;
const LZ_RGB32 = 8;
const BITMAP_32BIT = 8;
const BITMAP_TOP_DOWN = 4;
/** SPICE_IMAGE_COMPRESSION_LZ: QUIC, the server's choice, costs this decoder twice the time. */
const COMPRESSION_LZ = 6;
const INPUTS = {
  keyDown: 101,
  keyUp: 102,
  keyModifiers: 103,
  mouseMotion: 111,
  mousePosition: 112,
  mousePress: 113,
  mouseRelease: 114,
  motionAck: 111,
} as const;
const MOUSE_MODE_CLIENT = 2;
/** The server acknowledges every fourth movement. */
const ACK_BUNCH = 4;
const MAX_UNACKNOWLEDGED = 2 * ACK_BUNCH;

export interface ChannelId {
  readonly type: number;
  readonly id: number;
}

export interface MainChannelOptions extends SpiceConnOptions {
  readonly onChannels: (channels: readonly ChannelId[]) => void;
  readonly onTokens: (tokens: readonly string[]) => void;
  readonly onClipboard: (text: string) => void;
}

/** Reassembles agent messages, and leaves the opening of further channels to the session. */
export class MainChannel extends SpiceMainConn implements HearsBridge {
  readonly agent: Agent;
  readonly #options: MainChannelOptions;

  constructor(options: MainChannelOptions) {
    super(options);
    this.#options = options;
    this.agent = new Agent({
      send: (type, bytes) => this.send_agent_message(type, outgoing(bytes)),
      onText: options.onClipboard,
    });
  }

  onBridgeText(text: string): void {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('channels' in value)) return;
    if (Array.isArray(value.channels)) this.#options.onTokens(value.channels.filter(isToken));
  }

  override process_channel_message(message: SpiceMessage): boolean {
    const data = message.data ?? new ArrayBuffer(0);
    if (message.type === MAIN.channelsList) {
      const view = new DataView(data);
      const count = Math.min(view.getUint32(0, true), (data.byteLength - 4) / 2);
      this.#options.onChannels(
        Array.from({ length: count }, (_, index) => ({
          type: view.getUint8(4 + index * 2),
          id: view.getUint8(5 + index * 2),
        })),
      );
      return true;
    }
    if (message.type === MAIN.agentData) {
      this.agent.receive(new Uint8Array(data));
      return true;
    }
    if (message.type === MAIN.agentDisconnected) this.agent.reset();
    return super.process_channel_message(message);
  }

  /** The library logs its address here, which holds the token. */
  override log_info(): void {}

  override announce_agent_capabilities(request: number): void {
    this.agent.announce(request !== 0);
  }
}

export class DisplayChannel extends SpiceDisplayConn {
  onSurface: ((canvas: HTMLCanvasElement) => void) | undefined;
  onPicture: (() => void) | undefined;
  #asked = false;

  constructor(options: SpiceConnOptions) {
    super(options);
    // Read before they are made when a picture is a JPEG or an image is invalidated.
    this.streams = [];
    this.cache = {};
  }

  override process_inbound(buffer: ArrayBuffer, header?: unknown): void {
    super.process_inbound(buffer, header);
    if (this.state !== 'ready' || this.#asked) return;
    this.#asked = true;
    send(this, DISPLAY.preferredCompression, body([8, COMPRESSION_LZ]));
  }

  /** A drawing that cannot be decoded must not stop those that follow. */
  override process_message(message: SpiceMessage): unknown {
    try {
      return super.process_message(message);
    } catch (error) {
      this.log_err(error);
      return true;
    }
  }

  override process_channel_message(message: SpiceMessage): boolean {
    return (
      (message.type === DISPLAY.drawCopy && this.#drawCopy(message)) ||
      super.process_channel_message(message)
    );
  }

  /** The common pictures of a moving screen; false: not one of them, the library draws it. */
  #drawCopy(message: SpiceMessage): boolean {
    const { base, data } = new SpiceMsgDisplayDrawCopy(message.data ?? new ArrayBuffer(0));
    const image = data.src_bitmap;
    const pixels = image ? opaquePixels(image) : undefined;
    if (!image || !pixels) return false;
    return this.draw_copy_helper({
      base,
      src_area: data.src_area,
      image_data: pixels,
      tag: 'opaque',
      // The library strips transparency pixel by pixel where this is true.
      has_alpha: false,
      descriptor: image.descriptor,
    });
  }

  /** The library's own listeners use `keyCode` and forget CSS scaling: none are hooked. */
  override hook_events(): void {
    const canvas =
      this.primary_surface === undefined
        ? undefined
        : this.surfaces?.[this.primary_surface]?.canvas;
    if (canvas) this.onSurface?.(canvas);
  }

  override unhook_events(): void {}

  override draw_copy_helper(draw: unknown): boolean {
    const drawn = super.draw_copy_helper(draw);
    this.onPicture?.();
    return drawn;
  }
}

function opaquePixels(image: SpiceImage): ImageData | undefined {
  if (image.descriptor.type === IMAGE.lzRgb) {
    const { type, width, height, top_down: topDown, data } = image.lz_rgb;
    if (type !== LZ_RGB32) return undefined;
    const pixels = new ImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    decodeLzRgb32(new Uint8Array(data), words);
    if (topDown === 0) flipRows(words, width);
    return pixels;
  }
  if (image.descriptor.type === IMAGE.bitmap) {
    const { format, flags, x: width, y: height, stride, data } = image.bitmap;
    if (format !== BITMAP_32BIT || stride !== width * 4) return undefined;
    const pixels = new ImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    copyRgb32(data, words);
    if ((flags & BITMAP_TOP_DOWN) === 0) flipRows(words, width);
    return pixels;
  }
  return undefined;
}

export class InputsChannel extends SpiceInputsConn {
  onReady: (() => void) | undefined;
  #unacknowledged = 0;
  /** The newest position, while the server has not taken the earlier ones. */
  #waiting: Uint8Array | undefined;

  override process_inbound(buffer: ArrayBuffer, header?: unknown): void {
    const before = this.state;
    super.process_inbound(buffer, header);
    if (before !== 'ready' && this.state === 'ready') this.onReady?.();
  }

  override process_channel_message(message: SpiceMessage): boolean {
    if (message.type === INPUTS.motionAck) {
      this.#unacknowledged = Math.max(0, this.#unacknowledged - ACK_BUNCH);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting) this.#sendPosition(waiting);
      return true;
    }
    return super.process_channel_message(message);
  }

  get absolute(): boolean {
    return this.mouse_mode === MOUSE_MODE_CLIENT;
  }

  sendKey(down: boolean, code: number): void {
    send(this, down ? INPUTS.keyDown : INPUTS.keyUp, body([32, code]));
  }

  sendLocks(bits: number): void {
    send(this, INPUTS.keyModifiers, body([16, bits]));
  }

  sendPosition(x: number, y: number, buttons: number): void {
    this.#sendPosition(body([32, x], [32, y], [16, buttons], [8, 0]));
  }

  sendMotion(dx: number, dy: number, buttons: number): void {
    this.#unacknowledged++;
    send(this, INPUTS.mouseMotion, body([32, dx], [32, dy], [16, buttons]));
  }

  sendButton(down: boolean, button: number, buttons: number): void {
    // The click must land where the pointer is, also when its last movement still waits.
    if (this.#waiting) send(this, INPUTS.mousePosition, this.#waiting);
    this.#waiting = undefined;
    send(this, down ? INPUTS.mousePress : INPUTS.mouseRelease, body([8, button], [16, buttons]));
  }

  #sendPosition(bytes: Uint8Array): void {
    if (this.#unacknowledged >= MAX_UNACKNOWLEDGED) {
      this.#waiting = bytes;
      return;
    }
    this.#unacknowledged++;
    send(this, INPUTS.mousePosition, bytes);
  }
}

export class PlaybackChannel extends SpicePlaybackConn {
  override process_message(message: SpiceMessage): unknown {
    try {
      return super.process_message(message);
    } catch (error) {
      this.log_err(error);
      return true;
    }
  }
}
