/** Keys, manifests and clocks for tests of the campus client. */
import type { Clock } from '../../../main/base/clock.ts';
import { generateKey, type KeyPair, signBytes } from '../../../main/campus/publish.ts';
import type { SignedBytes } from '../../../main/campus/verify.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const NOW = Date.parse('2026-11-20T12:00:00Z');

/** A clock that stands still until it is moved. */
export function testClock(start = NOW): Clock & { time: number } {
  return {
    time: start,
    now() {
      return this.time;
    },
  };
}

export const KEY: KeyPair = generateKey('campus-2026');
export const OTHER_KEY: KeyPair = generateKey('stranger');

/** The smallest valid manifest, with `fields` over it. */
export function manifestContent(fields: Readonly<Record<string, unknown>> = {}): object {
  return {
    format: 1,
    campus: { id: 'sciences', name: 'Université · Sciences' },
    version: 7,
    issuedAt: new Date(NOW - HOUR).toISOString(),
    expiresAt: new Date(NOW + 30 * DAY).toISOString(),
    ...fields,
  };
}

export function bytesOf(content: unknown): Uint8Array {
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}

/** Signed by `pair`, whatever the bytes are. */
export function signed(bytes: Uint8Array, pair: KeyPair = KEY): SignedBytes {
  return { bytes, signature: signatureOf(bytes, pair) };
}

export function signatureOf(bytes: Uint8Array, ...pairs: readonly KeyPair[]): Uint8Array {
  const keys = (pairs.length === 0 ? [KEY] : pairs).map(({ trusted, privateKey }) => ({
    id: trusted.id,
    privateKey,
  }));
  return Buffer.from(JSON.stringify(signBytes(bytes, keys)));
}

/** The KioskError code of what `work` throws; `nothing` when it does not. */
export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'nothing';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}
