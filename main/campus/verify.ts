/**
 * Whether a manifest is believed: size, signature, JSON, schema, version, expiry, in that order,
 * so that nothing is parsed before it is known to come from the campus.
 *
 * Three rules that are not obvious:
 * - **Replay.** A version below the highest ever accepted is refused, and so is the same version
 *   with other bytes: what was published once under a number stays.
 * - **Expiry is for what arrives, not for what is kept.** A manifest past its `expiresAt` is
 *   refused when it is fetched; one that was accepted in time goes on being used, and its age is
 *   shown. Otherwise a long holiday would leave a room without sessions.
 * - **A wrong clock must not brick a kiosk.** Where this computer's clock and the campus's `Date`
 *   differ by more than a day, the manifest is accepted if it is valid by either, with a warning.
 *   Over plain HTTP the `Date` can be forged, but all that this gains an attacker is to keep the
 *   newest known version current, which cutting the cable does as well; it never brings an older
 *   version back.
 */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { KioskError } from '../base/errors.ts';
import { Manifest } from '../base/manifest.ts';
import type { TrustedKey } from './api.ts';
import { verifySignature } from './keys.ts';

/** The largest manifest that is read: 8 MiB. */
export const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/** `manifest.json` and `manifest.json.sig` as they came. */
export interface SignedBytes {
  readonly bytes: Uint8Array;
  /** null where the server has none. */
  readonly signature: Uint8Array | null;
}

export interface VerifiedManifest {
  readonly manifest: Manifest;
  /** Lower-case hexadecimal SHA-256 of the exact bytes. */
  readonly sha256: string;
  /** The pinned key that signed it. */
  readonly keyId: string;
}

/**
 * Signature and content, without regard to time: for a stored manifest as well as a fetched one.
 * @throws KioskError `MANIFEST_TOO_LARGE`, `MANIFEST_SIGNATURE_MISSING`,
 * `MANIFEST_SIGNATURE_WRONG`, `MANIFEST_KEY_UNKNOWN`, `MANIFEST_NOT_JSON`, `MANIFEST_INVALID`
 */
export function verifyManifest(
  { bytes, signature }: SignedBytes,
  trusted: readonly TrustedKey[],
): VerifiedManifest {
  if (bytes.length > MAX_MANIFEST_BYTES) throw tooLarge();
  const keyId = verifySignature(bytes, signature, trusted);
  return {
    manifest: parseManifest(bytes),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    keyId,
  };
}

/** What {@link verifyManifest} says of a manifest above {@link MAX_MANIFEST_BYTES}. */
export function tooLarge(cause?: unknown): KioskError {
  return new KioskError(
    'MANIFEST_TOO_LARGE',
    `The manifest is larger than ${MAX_MANIFEST_BYTES / 1024 / 1024} MiB.`,
    { cause, details: { limit: MAX_MANIFEST_BYTES } },
  );
}

/**
 * @throws KioskError `MANIFEST_NOT_JSON`; `MANIFEST_INVALID`, whose message and `details.issues`
 * name the places, e.g. `catalogue[0].machines[1].name`
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new KioskError('MANIFEST_NOT_JSON', 'The manifest is not JSON in UTF-8.', {
      cause: error,
    });
  }
  let parsed: ReturnType<typeof Manifest.safeParse>;
  try {
    parsed = Manifest.safeParse(content);
  } catch (error) {
    // Nested so deeply that the schema's own recursion gives up.
    throw new KioskError('MANIFEST_INVALID', 'The manifest cannot be read.', { cause: error });
  }
  if (parsed.success) return parsed.data;
  const issues = describeIssues(parsed.error);
  throw new KioskError('MANIFEST_INVALID', `The manifest is not valid: ${issues.join('; ')}`, {
    cause: parsed.error,
    details: { issues },
  });
}

const MAX_ISSUES = 10;

function describeIssues(error: z.ZodError): string[] {
  const lines = error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => `${jsonPath(path)}: ${message}`);
  const rest = error.issues.length - lines.length;
  return rest > 0 ? [...lines, `and ${rest} more`] : lines;
}

function jsonPath(path: readonly PropertyKey[]): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return text.replace(/^\./, '') || 'the whole';
}

/** What was accepted before. */
export interface Accepted {
  readonly campusId: string;
  readonly version: number;
  readonly sha256: string;
}

export interface Freshness {
  /** The manifest in use; null: none. */
  readonly current: Pick<Accepted, 'campusId'> | null;
  /** The highest ever accepted of this manifest's campus; null: none. */
  readonly highest: Accepted | null;
  /** This computer's clock. */
  readonly now: number;
  /** The `Date` of the answer; null where there was none. */
  readonly campusTime: number | null;
}

/**
 * Whether a fetched, verified manifest may replace the one in use.
 * @returns `clockWrong`: it was accepted by the campus's time against this computer's
 * @throws KioskError `MANIFEST_INVALID` (another campus's), `MANIFEST_OLDER`, `MANIFEST_EXPIRED`
 */
export function checkFreshness(
  { manifest, sha256 }: VerifiedManifest,
  { current, highest, now, campusTime }: Freshness,
): { clockWrong: boolean } {
  if (current !== null && current.campusId !== manifest.campus.id) {
    throw new KioskError(
      'MANIFEST_INVALID',
      `The manifest is of campus "${manifest.campus.id}"; this kiosk belongs to "${current.campusId}".`,
      { details: { campus: manifest.campus.id } },
    );
  }
  if (highest !== null) {
    const { version } = manifest;
    if (version < highest.version || (version === highest.version && sha256 !== highest.sha256)) {
      throw new KioskError(
        'MANIFEST_OLDER',
        version < highest.version
          ? `The campus offers manifest ${version}, but ${highest.version} was accepted before.`
          : `The campus offers another manifest under the same version ${version}; raise the version.`,
        { details: { offered: version, accepted: highest.version } },
      );
    }
  }
  if (!isExpired(manifest, now)) return { clockWrong: false };
  const disagree = campusTime !== null && Math.abs(campusTime - now) > CLOCK_TOLERANCE_MS;
  if (disagree && !isExpired(manifest, campusTime)) return { clockWrong: true };
  throw new KioskError(
    'MANIFEST_EXPIRED',
    `The manifest expired at ${manifest.expiresAt}; this computer's clock says ${new Date(now).toISOString()}.`,
    { details: { expiresAt: manifest.expiresAt, now } },
  );
}

/** @param now milliseconds since 1970 */
export function isExpired(manifest: Manifest, now: number): boolean {
  return Date.parse(manifest.expiresAt) <= now;
}
