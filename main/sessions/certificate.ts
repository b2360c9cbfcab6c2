/** Whether the certificate that a server shows is the one that the entry believes. */
import { KioskError } from '../base/errors.ts';
import type { Ask } from './engine.ts';
import type { PinStore } from './pins.ts';

export interface SeenCertificate {
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** Signed by an authority that is believed here, for this host, and in its time. */
  readonly trusted: boolean;
}

export interface CertificateBelief {
  /** Only these, where there are any. */
  readonly pins: readonly string[];
  /** What was met first is kept: at once, or when an administrator has compared it. */
  readonly trustFirst: boolean | 'confirm';
}

/**
 * In this order: the manifest's pins, the authority, what was met first. Nothing of a person may
 * be sent to a server before.
 * @param trust.ask for an administrator, where the entry wants one to look at a first certificate
 * @throws KioskError `REMOTE_CERTIFICATE_CHANGED`, `REMOTE_CERTIFICATE`
 */
export async function checkCertificate(
  { host, port }: { readonly host: string; readonly port: number },
  seen: SeenCertificate,
  believed: CertificateBelief,
  { pins, ask }: { readonly pins: PinStore; readonly ask: Ask },
): Promise<void> {
  // The administrator compares it with what the server's own console shows.
  const details = { host, port, fingerprint: seen.fingerprint };
  const changed = (than: string): KioskError =>
    new KioskError(
      'REMOTE_CERTIFICATE_CHANGED',
      `The server shows another certificate than the one that ${than}.`,
      { details },
    );
  if (believed.pins.length > 0) {
    if (!believed.pins.includes(seen.fingerprint)) throw changed('the campus pinned');
    return;
  }
  if (seen.trusted) return;
  if (!believed.trustFirst) {
    throw new KioskError(
      'REMOTE_CERTIFICATE',
      'No authority that is believed here signed the certificate of the server for this host.',
      { details },
    );
  }
  const first = pins.get(host, port);
  if (first === undefined) {
    if (believed.trustFirst === 'confirm') {
      const server = `${host}:${port}`;
      await ask({ type: 'certificate', server, fingerprint: seen.fingerprint });
    }
    pins.keep(host, port, seen.fingerprint);
  } else if (first !== seen.fingerprint) throw changed('this kiosk met first');
}
