/** spice-html5's channels with their faults worked around (docs/adr/0006-spice-display.md). */
import { SpiceDisplayConn } from 'spice-html5/display.js';
import { SpiceInputsConn } from 'spice-html5/inputs.js';
import { SpiceMainConn } from 'spice-html5/main.js';
import { SpicePlaybackConn } from 'spice-html5/playback.js';
import type { SpiceConnOptions, SpiceMessage } from 'spice-html5/spiceconn.js';
import { SpiceMsgDisplayDrawCopy } from 'spice-html5/spicemsg.js';
import { isToken } from './address.ts';
import { Agent } from './agent.ts';
import { body } from './body.ts';
import { parseOpaqueCopy } from './draw-copy.ts';
import { FrameBuffer } from './frame-buffer.ts';
import { Decoder } from './pixels.ts';
import { type HearsBridge, outgoing, send } from './wire.ts';

const MAIN = { channelsList: 104, agentDisconnected: 108, agentData: 109 } as const;
const DISPLAY = { preferredCompression: 103, drawCopy: 304 } as const;
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
  readonly #decoder = new Decoder();
  readonly #buffers = new WeakMap<HTMLCanvasElement, FrameBuffer>();
  /** What may have something that waits. */
  #buffer: FrameBuffer | undefined;
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
    if (message.type === DISPLAY.drawCopy && message.data && this.#drawCopy(message.data)) {
      return true;
    }
    // Whatever the library draws or reads comes after what was decoded before it.
    this.#buffer?.draw();
    return super.process_channel_message(message);
  }

  /** The common pictures of a moving screen; false: not one of them, the library draws it. */
  #drawCopy(data: ArrayBuffer): boolean {
    const copy = parseOpaqueCopy(data);
    const canvas = copy && this.surfaces?.[copy.surface]?.canvas;
    if (copy === undefined || canvas === undefined) return false;
    const { left, top, width, height } = copy;
    if (copy.cached) {
      this.#buffer?.draw();
      const picture = new ImageData(width, height);
      const words = new Uint32Array(picture.data.buffer);
      this.#decoder.decode(copy, words, { at: 0, step: width });
      const message = new SpiceMsgDisplayDrawCopy(data);
      return this.draw_copy_helper({
        base: message.base,
        src_area: message.data.src_area,
        image_data: picture,
        tag: 'opaque',
        // The library strips transparency pixel by pixel where this is true.
        has_alpha: false,
        descriptor: message.data.src_bitmap?.descriptor,
      });
    }
    if (left + width > canvas.width || top + height > canvas.height) return false;
    const buffer = this.#bufferOf(canvas);
    if (buffer === undefined) return false;
    this.#decoder.decode(copy, buffer.words, { at: top * buffer.width + left, step: buffer.width });
    buffer.wrote(left, top, width, height);
    this.onPicture?.();
    return true;
  }

  #bufferOf(canvas: HTMLCanvasElement): FrameBuffer | undefined {
    let buffer = this.#buffers.get(canvas);
    if (buffer === undefined) {
      const context = canvas.getContext('2d');
      if (context === null) return undefined;
      buffer = new FrameBuffer(canvas, context);
      this.#buffers.set(canvas, buffer);
    }
    if (buffer !== this.#buffer) this.#buffer?.draw();
    this.#buffer = buffer;
    return buffer;
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
