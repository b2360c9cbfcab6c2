/**
 * What this folder uses of Debian's spice-html5 0.3 (LGPL-3+, /usr/share/spice-html5), which has
 * no types of its own. The library is imported as it is installed: faults are worked around by
 * subclasses, its files are neither copied nor changed.
 */
declare module 'spice-html5/spiceconn.js' {
  export interface SpiceMessage {
    readonly type: number;
    readonly data?: ArrayBuffer;
  }
  export interface SpiceOutgoing {
    buffer_size(): number;
    to_buffer(buffer: ArrayBuffer, at?: number): unknown;
  }
  export interface SpiceConnOptions {
    readonly uri: string;
    readonly password?: string;
    readonly screen_id?: string;
    readonly type?: number;
    readonly chan_id?: number;
    readonly connection_id?: number;
    readonly parent?: unknown;
    readonly onerror?: (error: unknown) => void;
    readonly onagent?: () => void;
  }
  export class SpiceConn {
    constructor(options: SpiceConnOptions);
    ws: WebSocket | undefined;
    state: 'connecting' | 'start' | 'link' | 'ticket' | 'ready' | 'closing' | 'error';
    connection_id: number;
    onerror: ((error: unknown) => void) | undefined;
    send_msg(message: SpiceOutgoing): void;
    process_inbound(buffer: ArrayBuffer, header?: unknown): void;
    process_message(message: SpiceMessage): unknown;
    process_channel_message(message: SpiceMessage): boolean;
    log_info(...words: unknown[]): void;
    log_warn(...words: unknown[]): void;
    log_err(...words: unknown[]): void;
    cleanup(): void;
  }
}

declare module 'spice-html5/main.js' {
  import { SpiceConn, type SpiceOutgoing } from 'spice-html5/spiceconn.js';
  export class SpiceMainConn extends SpiceConn {
    inputs: unknown;
    display: unknown;
    cursor: unknown;
    mouse_mode: number;
    agent_connected: boolean | undefined;
    announce_agent_capabilities(request: number): void;
    send_agent_message(type: number, body: SpiceOutgoing): void;
    resize_window(
      flags: number,
      width: number,
      height: number,
      depth: number,
      x: number,
      y: number,
    ): void;
  }
}

declare module 'spice-html5/display.js' {
  import { SpiceConn } from 'spice-html5/spiceconn.js';

  interface Surface {
    readonly surface_id: number;
    readonly width: number;
    readonly height: number;
    readonly canvas: HTMLCanvasElement;
  }
  export class SpiceDisplayConn extends SpiceConn {
    surfaces: Record<number, Surface> | undefined;
    primary_surface: number | undefined;
    streams: unknown;
    cache: unknown;
    hook_events(): void;
    unhook_events(): void;
    draw_copy_helper(draw: unknown): boolean;
    destroy_surfaces(): void;
  }
}

declare module 'spice-html5/inputs.js' {
  import { SpiceConn } from 'spice-html5/spiceconn.js';
  export class SpiceInputsConn extends SpiceConn {
    mouse_mode: number;
    keyboard_modifiers: number | undefined;
    waiting_for_ack: number;
  }
}

declare module 'spice-html5/cursor.js' {
  import { SpiceConn } from 'spice-html5/spiceconn.js';
  export class SpiceCursorConn extends SpiceConn {}
}

declare module 'spice-html5/playback.js' {
  import { SpiceConn } from 'spice-html5/spiceconn.js';
  export class SpicePlaybackConn extends SpiceConn {}
}

declare module 'spice-html5/wire.js' {
  import { SpiceConn } from 'spice-html5/spiceconn.js';
  export class SpiceWireReader {
    sc: SpiceConn;
    callback: (this: SpiceConn, buffer: ArrayBuffer, header?: unknown) => void;
    needed: number;
    buffers: ArrayBuffer[];
    saved_msg_header: unknown;
    inbound(data: unknown): void;
  }
}

declare module 'spice-html5/spicemsg.js' {
  export class SpiceMsgDisplayDrawCopy {
    constructor(data: ArrayBuffer);
    readonly base: unknown;
    readonly data: {
      readonly src_area: unknown;
      readonly src_bitmap: { readonly descriptor: unknown } | null | undefined;
    };
  }
}
