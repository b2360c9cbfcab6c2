/** One display: its channels from the first byte to the end, and the canvas that they draw on. */
import type { SpiceConn, SpiceConnOptions } from 'spice-html5/spiceconn.js';
import { ERROR_CODES } from '../../preload/contract/errors.ts';
import type { DisplayAddress } from './address.ts';
import {
  type ChannelId,
  DisplayChannel,
  InputsChannel,
  MainChannel,
  PlaybackChannel,
} from './channels.ts';
import { CursorChannel } from './cursor.ts';
import type { FrameSession, FrameSessionEvents } from './frame.ts';

const CHANNEL = { display: 2, inputs: 3, cursor: 4, playback: 5 } as const;
/** The bridge's close code; its reason is an error code, or empty when it ended the display. */
const BRIDGE_CLOSED = 4000;
/** The bridge writes the real ticket; the library insists on having one. */
const NO_PASSWORD = 'none';
const RESIZE_QUIET_MS = 250;
/** The agent takes even sizes; smaller ones are a frame that is being laid out. */
const MIN_SIZE = 320;

export class SpiceSession implements FrameSession {
  inputs: InputsChannel | undefined;
  readonly #address: DisplayAddress;
  readonly #events: FrameSessionEvents;
  readonly #screen: HTMLElement;
  readonly #main: MainChannel;
  readonly #channels = new Set<SpiceConn>();
  #display: DisplayChannel | undefined;
  #tokens: string[] = [];
  #shown: HTMLCanvasElement | undefined;
  #drawn = false;
  #announced: HTMLCanvasElement | undefined;
  #closed = false;
  #wanted: readonly [number, number] | undefined;
  #resizeTimer: number | undefined;

  constructor(address: DisplayAddress, screen: HTMLElement, events: FrameSessionEvents) {
    this.#address = address;
    this.#events = events;
    this.#screen = screen;
    this.#main = new MainChannel({
      uri: address.url,
      password: NO_PASSWORD,
      screen_id: screen.id,
      onerror: () => {},
      onagent: () => this.#sendSize(),
      onChannels: (channels) => this.#open(channels),
      onTokens: (tokens) => {
        this.#tokens = [...tokens];
      },
      onClipboard: (text) => events.onClipboard(text),
    });
    this.#watch(this.#main);
  }

  /** Asks the guest for a picture of this size; it may keep its own. */
  resize(width: number, height: number): void {
    const even = (value: number): number => value - (value % 2);
    if (width < MIN_SIZE || height < MIN_SIZE) return;
    this.#wanted = [even(width), even(height)];
    window.clearTimeout(this.#resizeTimer);
    this.#resizeTimer = window.setTimeout(() => this.#sendSize(), RESIZE_QUIET_MS);
  }

  offerClipboard(text: string): void {
    this.#main.agent.offer(text);
  }

  /** Closes the channels; the last picture stays until {@link discard}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    window.clearTimeout(this.#resizeTimer);
    for (const channel of this.#channels) {
      channel.state = 'closing';
      channel.cleanup();
    }
    for (const sound of this.#screen.querySelectorAll('audio')) sound.remove();
  }

  /** Removes the last picture. */
  discard(): void {
    this.#display?.destroy_surfaces();
    this.#shown?.remove();
  }

  #open(channels: readonly ChannelId[]): void {
    for (const { type, id } of channels) {
      // One head: the kiosk shows a session on one screen.
      if (id !== 0) continue;
      if (type === CHANNEL.display) {
        this.#display = this.#channel(DisplayChannel, type, id);
        if (this.#display) this.#hookDisplay(this.#display);
      } else if (type === CHANNEL.inputs) {
        this.inputs = this.#channel(InputsChannel, type, id);
        if (this.inputs) {
          this.inputs.mouse_mode = this.#main.mouse_mode;
          this.inputs.onReady = () => this.#announce();
        }
        this.#main.inputs = this.inputs;
      } else if (type === CHANNEL.cursor) {
        const cursor = this.#channel(CursorChannel, type, id);
        if (cursor) cursor.onCursor = (css) => this.#events.onCursor(css);
      } else if (type === CHANNEL.playback) {
        this.#channel(PlaybackChannel, type, id);
      }
    }
  }

  #channel<C extends SpiceConn>(
    kind: new (options: SpiceConnOptions) => C,
    type: number,
    id: number,
  ): C | undefined {
    const token = this.#tokens.shift();
    if (token === undefined) return undefined;
    const channel = new kind({
      uri: this.#address.channel(token),
      parent: this.#main,
      connection_id: this.#main.connection_id,
      type,
      chan_id: id,
      onerror: () => {},
    });
    this.#watch(channel);
    return channel;
  }

  #hookDisplay(display: DisplayChannel): void {
    display.onSurface = (canvas) => {
      canvas.tabIndex = 0;
      this.#shown = canvas;
      this.#drawn = false;
    };
    display.onPicture = () => {
      if (this.#drawn) return;
      this.#drawn = true;
      this.#announce();
    };
  }

  /** A picture that takes no input yet would swallow what a person does first. */
  #announce(): void {
    if (!this.#drawn || this.inputs?.state !== 'ready' || this.#shown === this.#announced) return;
    this.#announced = this.#shown;
    if (this.#shown) this.#events.onPicture(this.#shown);
  }

  /** A display without one of its channels is broken: the first that closes ends all. */
  #watch(channel: SpiceConn): void {
    this.#channels.add(channel);
    channel.ws?.addEventListener('close', (event) => {
      if (this.#closed) return;
      // A guest may stop offering sound while its picture lives on.
      if (channel instanceof PlaybackChannel && event.code !== BRIDGE_CLOSED) return;
      this.close();
      const orderly = event.code === BRIDGE_CLOSED && event.reason === '';
      this.#events.onClosed(
        orderly ? null : (ERROR_CODES.find((code) => code === event.reason) ?? 'REMOTE_LOST'),
      );
    });
  }

  #sendSize(): void {
    if (this.#wanted === undefined || this.#closed || this.#main.agent_connected !== true) return;
    const [width, height] = this.#wanted;
    this.#main.resize_window(0, width, height, 32, 0, 0);
  }
}
