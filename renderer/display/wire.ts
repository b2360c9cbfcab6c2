/** Messages to the server, and the reading of what comes from it. */
import type { SpiceConn, SpiceOutgoing } from 'spice-html5/spiceconn.js';
import { SpiceWireReader } from 'spice-html5/wire.js';

/** In the shape that spice-html5 sends. */
export function outgoing(bytes: Uint8Array): SpiceOutgoing {
  return {
    buffer_size: () => bytes.length,
    to_buffer: (buffer, at = 0) => new Uint8Array(buffer).set(bytes, at),
  };
}

/** Sends a message with the mini header: u16 type, u32 size. Dropped while the channel is not open. */
export function send(channel: SpiceConn, type: number, bytes: Uint8Array): void {
  if (channel.state !== 'ready' || channel.ws?.readyState !== WebSocket.OPEN) return;
  const message = new Uint8Array(6 + bytes.length);
  const view = new DataView(message.buffer);
  view.setUint16(0, type, true);
  view.setUint32(2, bytes.length, true);
  message.set(bytes, 6);
  channel.send_msg(outgoing(message));
}

/** Called with the text frames that the bridge puts before a channel's bytes. */
export interface HearsBridge {
  onBridgeText(text: string): void;
}

/**
 * Replaces the library's reader, which joins fragments byte by byte: with pictures of megabytes
 * that cost most of the processor. It also threw on text frames. Call once, before any channel.
 */
export function installWireReader(): void {
  const gathered = new WeakMap<SpiceWireReader, { chunks: Uint8Array[]; length: number }>();
  SpiceWireReader.prototype.inbound = function inbound(this: SpiceWireReader, data: unknown): void {
    if (typeof data === 'string') {
      if ('onBridgeText' in this.sc) (this.sc as SpiceConn & HearsBridge).onBridgeText(data);
      return;
    }
    if (!(data instanceof ArrayBuffer)) return;
    let store = gathered.get(this);
    if (!store) {
      store = { chunks: [], length: 0 };
      gathered.set(this, store);
    }
    store.chunks.push(new Uint8Array(data));
    store.length += data.byteLength;
    while (this.needed > 0 && store.length >= this.needed) {
      const taken = take(store, this.needed);
      this.callback.call(this.sc, taken, this.saved_msg_header || undefined);
    }
  };
}

function take(store: { chunks: Uint8Array[]; length: number }, length: number): ArrayBuffer {
  const taken = new Uint8Array(length);
  let at = 0;
  let used = 0;
  for (const chunk of store.chunks) {
    const part = chunk.subarray(0, length - at);
    taken.set(part, at);
    at += part.length;
    if (part.length < chunk.length) {
      store.chunks[used] = chunk.subarray(part.length);
      break;
    }
    used++;
    if (at === length) break;
  }
  store.chunks.splice(0, used);
  store.length -= length;
  return taken.buffer;
}
