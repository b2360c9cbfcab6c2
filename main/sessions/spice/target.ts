/** The `target` of a SPICE entry in the manifest, and what a connection is made of it. */
import { z } from 'zod';
import { CampusUrl } from '../../base/manifest.ts';
import type { SpiceConnection, SpiceProxy } from './connection.ts';

const Port = z.int().min(1).max(65_535);
/** Proxmox writes a signed ticket into the host name, hence the colons. */
const Host = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[\w.:-]+$/);

export const SpiceTarget = z
  .strictObject({
    host: Host,
    port: Port.optional(),
    /** TLS; when it is given, `port` is not used. */
    tlsPort: Port.optional(),
    /** PEM certificates of the authority that signed the server's. */
    ca: z.string().max(64_000).optional(),
    /** The certificate's whole subject, as .vv files have it: `O=Lab,CN=host\,1`. */
    hostSubject: z.string().max(1_000).optional(),
    /** SHA-256 of the server's certificate: pins it. */
    fingerprint: z
      .string()
      .transform((text) => text.replaceAll(':', '').toLowerCase())
      .pipe(z.string().regex(/^[0-9a-f]{64}$/))
      .optional(),
    /**
     * For a TLS server that nothing above vouches for: each kiosk keeps the certificate that it
     * meets first, by this line alone (`true`), or after an administrator has compared it on the
     * kiosk's screen (`confirm`).
     */
    trustFirst: z.union([z.boolean(), z.literal('confirm')]).default(false),
    /** `http://host:port` of a proxy that answers CONNECT. */
    proxy: z
      .string()
      .regex(/^(http:\/\/)?[\w.-]+:\d{1,5}\/?$/)
      .optional(),
    password: z.string().max(60).default(''),
    /** The person is asked for the password on the kiosk's screen. */
    askPassword: z.boolean().default(false),
    /** Asked for a ticket at each login: answers a .vv file, or `{"password": "…"}`. */
    ticket: CampusUrl.optional(),
  })
  .refine((target) => target.port !== undefined || target.tlsPort !== undefined, {
    message: 'a port or a tlsPort',
  });
export type SpiceTarget = z.infer<typeof SpiceTarget>;

/** What a ticket endpoint may answer instead of a .vv file. */
export const TicketAnswer = z.object({ password: z.string().max(60) });

export function connectionOf(target: SpiceTarget): SpiceConnection {
  const { host, port, tlsPort, ca, hostSubject, fingerprint, password } = target;
  const proxy = target.proxy === undefined ? undefined : parseProxy(target.proxy);
  return tlsPort === undefined
    ? { endpoint: { type: 'tcp', host, port: port ?? 0, proxy }, password }
    : {
        endpoint: { type: 'tls', host, port: tlsPort, ca, hostSubject, fingerprint, proxy },
        password,
      };
}

function parseProxy(text: string): SpiceProxy {
  const url = new URL(text.startsWith('http://') ? text : `http://${text}`);
  return { host: url.hostname, port: Number(url.port || 80) };
}
