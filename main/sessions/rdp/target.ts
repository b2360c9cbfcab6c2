/** The `target` of an RDP entry in the manifest: where the desktop is, and what it may use. */
import { z } from 'zod';
import { LAYOUT_NAMES } from './keyboard-layouts.ts';

/** Name or address; nothing that a command line could read as an option or a list. */
const RdpHostName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[?[0-9a-fA-F:]{2,45}\]?)$/)
  .transform((host) => host.replace(/^\[|\]$/g, ''));

const Port = z.int().min(1).max(65_535);

const RdpHost = z.object({
  host: RdpHostName,
  port: Port.default(3389),
  /** 0 (idle) to 1 (full), as the campus last measured it: the least loaded is tried first. */
  load: z.number().min(0).max(1).default(0),
});
export type RdpHost = z.infer<typeof RdpHost>;

/** SHA-256 of a certificate, with or without colons. */
const Pin = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{64}$/));

/** One line of printable text: it becomes one argument of a viewer. */
const Word = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u);

/** A folder's or printer's name in the session; a comma would end it. */
const ShareName = z
  .string()
  .min(1)
  .max(32)
  .regex(/^[\p{L}\p{N} _-]+$/u);

export const RdpTarget = z.strictObject({
  /** Tried by their load, equal ones in random order, until one answers. */
  hosts: z.array(RdpHost).min(1).max(64),
  /**
   * `auto`: NLA where the server offers it, else TLS. `classic` is RDP's own encryption, which
   * proves no server's identity: only for machines that know nothing else.
   */
  security: z.enum(['auto', 'nla', 'tls', 'classic']).default('auto'),
  /** Whose certificate is believed; nothing here: authorities that this computer trusts. */
  certificate: z
    .strictObject({
      /** Only these certificates. */
      pins: z.array(Pin).max(64).default([]),
      /** PEM of the authority that signs the servers' certificates. */
      authority: z.string().max(64_000).optional(),
      /**
       * Each kiosk keeps the certificate that it meets first, and refuses another one from then
       * on: by this line alone (`true`), or after an administrator has compared it on the kiosk's
       * screen (`confirm`).
       */
      trustFirst: z.union([z.boolean(), z.literal('confirm')]).default(false),
    })
    .prefault({}),
  /**
   * `sign-on`: what the person typed to sign in to the kiosk; who typed nothing (guests) or is
   * refused is asked on the kiosk's screen. `ask`: everybody is asked. `server`: nothing is sent,
   * the server shows its own login screen (not with NLA).
   */
  credentials: z.enum(['sign-on', 'ask', 'server']).default('sign-on'),
  /** User name on the server; `{id}` is the person's. */
  user: Word.default('{id}'),
  /** Windows domain; absent: none, or the one in a `user@domain`. */
  domain: Word.optional(),
  /**
   * A Remote Desktop Gateway in front of the hosts, asked with the same name and password. The
   * hosts cannot be looked at from here, so `certificate.pins` must say who they are.
   */
  gateway: z
    .strictObject({
      host: RdpHostName,
      port: Port.default(443),
      /** Its certificate; none: one that an authority signed which is believed here. */
      pins: z.array(Pin).max(8).default([]),
    })
    .optional(),
  /** Routing token of a connection broker, as in `.rdp` files. */
  loadBalanceInfo: Word.optional(),
  /** A name of {@link LAYOUT_NAMES}, or a Windows layout such as `0x0000040c`. */
  keyboard: z.union([z.enum(LAYOUT_NAMES), z.string().regex(/^0x[0-9a-fA-F]{8}$/)]).optional(),
  /** The desktop follows the size of the screen. */
  resize: z.boolean().default(true),
  clipboard: z.boolean().default(true),
  sound: z.enum(['here', 'server', 'off']).default('here'),
  microphone: z.boolean().default(false),
  /** Folders of this computer that the session sees. */
  drives: z
    .array(
      z.strictObject({
        name: ShareName,
        path: z
          .string()
          .max(1_024)
          .regex(/^\/[^\p{Cc},]*$/u),
      }),
    )
    .max(16)
    .default([]),
  printers: z.boolean().default(false),
  /** `all`: the session spans every monitor. */
  monitors: z.enum(['one', 'all']).default('one'),
  /** How good the network is; decides about compression and decoration. */
  network: z.enum(['auto', 'lan', 'wan', 'modem']).default('lan'),
});
export type RdpTarget = z.infer<typeof RdpTarget>;
