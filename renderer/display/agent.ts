/**
 * The guest agent's clipboard (spice-protocol, spice/vd_agent.h): text both ways, on demand.
 * Pure but for `send`: the main channel brings the bytes and takes them.
 */
import { body } from './body.ts';
import { MAX_CLIPBOARD_LENGTH } from './protocol.ts';

export const AGENT = {
  clipboard: 4,
  announce: 6,
  grab: 7,
  request: 8,
  release: 9,
} as const;

const CAPABILITY = {
  mouseState: 0,
  monitorsConfig: 1,
  reply: 2,
  clipboardByDemand: 5,
  clipboardSelection: 6,
  lineEndCrLf: 9,
} as const;
const OUR_CAPABILITIES =
  (1 << CAPABILITY.mouseState) |
  (1 << CAPABILITY.monitorsConfig) |
  (1 << CAPABILITY.reply) |
  (1 << CAPABILITY.clipboardByDemand) |
  (1 << CAPABILITY.clipboardSelection);

const UTF8_TEXT = 1;
/** The clipboard proper; 1 and 2 are X11's primary and secondary selection. */
const SELECTION_CLIPBOARD = 0;
const HEADER_BYTES = 20;
/** A UTF-16 unit has at most 3 bytes of UTF-8. */
const MAX_BODY_BYTES = MAX_CLIPBOARD_LENGTH * 3 + 8;

export interface AgentOptions {
  /** Sends one whole agent message. */
  readonly send: (type: number, bytes: Uint8Array) => void;
  /** Text was copied in the guest. */
  readonly onText: (text: string) => void;
}

export class Agent {
  readonly #options: AgentOptions;
  #pending: Uint8Array[] = [];
  #pendingLength = 0;
  /** Bytes of a message that is too large and passes unread. */
  #skip = 0;
  #guestCapabilities = 0;
  #offered: string | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Says what this client can do; `request` asks the guest for the same. */
  announce(request: boolean): void {
    this.#options.send(AGENT.announce, body([32, request ? 1 : 0], [32, OUR_CAPABILITIES]));
  }

  /** A new agent starts from nothing. The offered text stays on offer. */
  reset(): void {
    this.#pending = [];
    this.#pendingLength = 0;
    this.#skip = 0;
    this.#guestCapabilities = 0;
  }

  /** Offers text to the guest, which fetches it when somebody pastes. */
  offer(text: string): void {
    if (text.length > MAX_CLIPBOARD_LENGTH || text === this.#offered) return;
    this.#offered = text;
    if (this.#has(CAPABILITY.clipboardByDemand)) this.#grab();
  }

  /** One piece of the stream of agent messages, cut anywhere. */
  receive(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
    }
    if (rest.length === 0) return;
    this.#pending.push(rest);
    this.#pendingLength += rest.length;
    for (;;) {
      if (this.#pendingLength < HEADER_BYTES) return;
      const all = this.#joined();
      const view = new DataView(all.buffer, all.byteOffset, all.length);
      const size = view.getUint32(16, true);
      if (size > MAX_BODY_BYTES) {
        this.#keep(all.subarray(Math.min(all.length, HEADER_BYTES + size)));
        this.#skip = Math.max(0, HEADER_BYTES + size - all.length);
        continue;
      }
      if (all.length < HEADER_BYTES + size) return;
      this.#keep(all.subarray(HEADER_BYTES + size));
      this.#handle(view.getUint32(4, true), all.subarray(HEADER_BYTES, HEADER_BYTES + size));
    }
  }

  #joined(): Uint8Array {
    const [first, ...others] = this.#pending;
    if (first !== undefined && others.length === 0) return first;
    const all = new Uint8Array(this.#pendingLength);
    let at = 0;
    for (const part of this.#pending) {
      all.set(part, at);
      at += part.length;
    }
    this.#pending = [all];
    return all;
  }

  #keep(rest: Uint8Array): void {
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingLength = rest.length;
  }

  #handle(type: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (type === AGENT.announce && bytes.length >= 8) {
      this.#guestCapabilities = view.getUint32(4, true);
      if (view.getUint32(0, true) !== 0) this.announce(false);
      if (this.#offered !== undefined) this.#grab();
      return;
    }
    // With the selection capability clipboard messages begin with it: u8 and three of padding.
    const selective = this.#has(CAPABILITY.clipboardSelection);
    if (selective && (bytes.length < 4 || bytes[0] !== SELECTION_CLIPBOARD)) return;
    const at = selective ? 4 : 0;
    const kind = bytes.length >= at + 4 ? view.getUint32(at, true) : undefined;
    if (type === AGENT.grab) {
      for (let place = at; place + 4 <= bytes.length; place += 4) {
        if (view.getUint32(place, true) !== UTF8_TEXT) continue;
        this.#send(AGENT.request, UTF8_TEXT);
        return;
      }
    } else if (type === AGENT.clipboard && kind === UTF8_TEXT) {
      const text = new TextDecoder().decode(bytes.subarray(at + 4)).replace(/\0+$/, '');
      const unix = text.replaceAll('\r\n', '\n');
      // What the guest has is not offered back to it.
      this.#offered = unix;
      this.#options.onText(unix);
    } else if (type === AGENT.request && kind === UTF8_TEXT) {
      const text = this.#offered ?? '';
      const lines = this.#has(CAPABILITY.lineEndCrLf) ? text.replaceAll('\n', '\r\n') : text;
      this.#send(AGENT.clipboard, UTF8_TEXT, new TextEncoder().encode(lines));
    }
  }

  #grab(): void {
    this.#send(AGENT.grab, UTF8_TEXT);
  }

  #send(type: number, kind: number, data: Uint8Array = new Uint8Array()): void {
    const selection = this.#has(CAPABILITY.clipboardSelection)
      ? body([32, SELECTION_CLIPBOARD])
      : new Uint8Array();
    const head = body([32, kind]);
    const bytes = new Uint8Array(selection.length + head.length + data.length);
    bytes.set(selection);
    bytes.set(head, selection.length);
    bytes.set(data, selection.length + head.length);
    this.#options.send(type, bytes);
  }

  #has(capability: number): boolean {
    return (this.#guestCapabilities & (1 << capability)) !== 0;
  }
}
