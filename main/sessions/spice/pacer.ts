/**
 * The display channel's acknowledgements (SPICE protocol, "Acknowledgement messages"), given by
 * the bridge. A server sends at most twice its window of messages, some 40, ahead of them, and a
 * moving screen of 1920×1080 has 60 messages a frame: each frame waited for the page twice, and
 * the page takes ten to twenty milliseconds for an answer that the bridge gives at once. The
 * page's own acknowledgements say how far it is: while it is behind, the server has to wait, and
 * leaves out what is drawn over meanwhile.
 *
 * Pure. Both directions have mini headers: u16 type, u32 size, little-endian.
 */
import { KioskError } from '../../base/errors.ts';

const HEADER_BYTES = 6;
/** From the server: u32 generation, u32 window. */
const SET_ACK = 3;
const SET_ACK_BYTES = 8;
/** From the page: it has seen the window; it has worked through one. */
const ACK_SYNC = 1;
const ACK = 2;
/** The page's messages on this channel have some 30 bytes. */
const MAX_PAGE_MESSAGE = 64 * 1024;

/** What the page may be behind: more would be felt. */
const BEHIND_MS = 100;
/** And in bytes, as a limit of memory: four frames of 1920×1080, uncompressed. */
const BEHIND_BYTES = 32 * 1024 * 1024;

export class Pacer {
  #window = 0;
  #untilAck = 0;
  #sent = 0;
  #done = 0;
  /** Of each window of messages that the page has not acknowledged: its end, and when it came. */
  readonly #open: { readonly end: number; readonly at: number }[] = [];
  /** Of the server's message that is under way. */
  #head: Buffer = Buffer.alloc(0);
  #bodyLeft = 0;
  #type = 0;
  /** The body of a window's announcement. */
  #announced: Buffer | undefined;
  #page: Buffer = Buffer.alloc(0);

  /**
   * Whether the server has to wait until the page says more. False while the page would say
   * nothing: it acknowledges whole windows.
   *
   * @param now milliseconds of a clock that never goes back
   */
  isBehind(now: number): boolean {
    const oldest = this.#open[0];
    if (oldest === undefined) return false;
    return now - oldest.at > BEHIND_MS || this.#sent - this.#done > BEHIND_BYTES;
  }

  /**
   * Bytes of the server, which go to the page as they are.
   *
   * @param now as of {@link isBehind}
   * @returns what the server is to be answered, often nothing
   */
  fromServer(chunk: Buffer, now: number): Buffer {
    const answers: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#bodyLeft === 0) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.#head.length);
        at += part.length;
        this.#head = this.#head.length === 0 ? part : Buffer.concat([this.#head, part]);
        if (this.#head.length < HEADER_BYTES) break;
        this.#type = this.#head.readUInt16LE(0);
        this.#bodyLeft = this.#head.readUInt32LE(2);
        this.#head = Buffer.alloc(0);
        if (this.#type === SET_ACK) this.#announced = Buffer.alloc(0);
      } else {
        const part = chunk.subarray(at, at + this.#bodyLeft);
        at += part.length;
        this.#bodyLeft -= part.length;
        if (this.#announced && this.#announced.length < SET_ACK_BYTES) {
          this.#announced = Buffer.concat([this.#announced, part]);
        }
      }
      if (this.#bodyLeft === 0) this.#whole({ end: this.#sent + at, at: now }, answers);
    }
    this.#sent += chunk.length;
    // What is kept of a chunk would keep all of it.
    if (this.#head.length > 0) this.#head = Buffer.from(this.#head);
    return Buffer.concat(answers);
  }

  /**
   * Bytes of the page.
   * @returns what of them the server is to get: everything but acknowledgements
   * @throws KioskError `DISPLAY_UNAVAILABLE` for a message that no page sends
   */
  fromPage(chunk: Buffer): Buffer {
    this.#page = this.#page.length === 0 ? chunk : Buffer.concat([this.#page, chunk]);
    const passed: Buffer[] = [];
    while (this.#page.length >= HEADER_BYTES) {
      const type = this.#page.readUInt16LE(0);
      const length = HEADER_BYTES + this.#page.readUInt32LE(2);
      if (length > MAX_PAGE_MESSAGE) {
        throw new KioskError('DISPLAY_UNAVAILABLE', 'The page sent no message of a display.');
      }
      if (this.#page.length < length) break;
      if (type === ACK) this.#done = this.#open.shift()?.end ?? this.#done;
      else if (type !== ACK_SYNC) passed.push(this.#page.subarray(0, length));
      this.#page = this.#page.subarray(length);
    }
    return passed.length === 1 && passed[0] ? passed[0] : Buffer.concat(passed);
  }

  /** A message of the server has ended. */
  #whole(place: { readonly end: number; readonly at: number }, answers: Buffer[]): void {
    const announced = this.#announced;
    this.#announced = undefined;
    if (announced !== undefined && announced.length >= SET_ACK_BYTES) {
      this.#window = announced.readUInt32LE(4);
      this.#untilAck = this.#window;
      this.#open.length = 0;
      answers.push(message(ACK_SYNC, announced.subarray(0, 4)));
    }
    if (this.#window === 0) return;
    // Clients count the announcement itself too.
    this.#untilAck--;
    if (this.#untilAck > 0) return;
    this.#untilAck = this.#window;
    this.#open.push(place);
    answers.push(message(ACK));
  }
}

function message(type: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const whole = Buffer.alloc(HEADER_BYTES + body.length);
  whole.writeUInt16LE(type, 0);
  whole.writeUInt32LE(body.length, 2);
  body.copy(whole, HEADER_BYTES);
  return whole;
}
