/** How a SPICE server is reached, whatever shows its picture. */

/** An HTTP proxy that answers CONNECT, as oVirt's and Proxmox's `proxy=` lines name it. */
export interface SpiceProxy {
  readonly host: string;
  readonly port: number;
}

export type SpiceEndpoint =
  | { readonly type: 'unix'; readonly path: string }
  | {
      readonly type: 'tcp';
      readonly host: string;
      readonly port: number;
      readonly proxy?: SpiceProxy | undefined;
    }
  | {
      readonly type: 'tls';
      readonly host: string;
      readonly port: number;
      /** PEM certificates that may sign the server's; absent: those of the system. */
      readonly ca?: string | undefined;
      /** The exact subject of the server's certificate, instead of its host name. */
      readonly hostSubject?: string | undefined;
      /** SHA-256 of the server's certificate, lower-case hexadecimal: pins it, whoever signed it. */
      readonly fingerprint?: string | undefined;
      readonly proxy?: SpiceProxy | undefined;
    };

/** One login: tickets may be short-lived, so a connection is asked for again at each reconnect. */
export interface SpiceConnection {
  readonly endpoint: SpiceEndpoint;
  /** The SPICE ticket; empty where the server wants none. At most 60 bytes of UTF-8. */
  readonly password: string;
}
