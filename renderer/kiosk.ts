/** The bridge as the page meets it. */
import type { KioskApi } from '../preload/contract/contract.ts';
import { ERROR_CODES, type ErrorCode } from '../preload/contract/errors.ts';
import type { Notice } from '../preload/contract/model.ts';

declare global {
  interface Window {
    /** Made by the preload; absent when the page is opened outside a kiosk. */
    readonly kiosk?: KioskApi;
  }
}

/** A failure with its code, as calls reject with and as states hold. */
export type KioskFailure = Notice['error'];

const CODES: ReadonlySet<string> = new Set(ERROR_CODES);
const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && CODES.has(code);

/** What a call rejected with, as code and message. Anything else is the page's own fault: `INTERNAL`. */
export function toFailure(thrown: unknown): KioskFailure {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && isCode(thrown.code)) {
    const error: KioskFailure = { code: thrown.code, message: messageOf(thrown) };
    const details = 'details' in thrown ? thrown.details : undefined;
    if (isDetails(details)) error.details = details;
    return error;
  }
  return { code: 'INTERNAL', message: messageOf(thrown) };
}

/** A number among an error's details. */
export function detail(error: KioskFailure, key: string): number | undefined {
  const value = error.details?.[key];
  return typeof value === 'number' ? value : undefined;
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
    return String(thrown.message);
  }
  return String(thrown);
}

function isDetails(value: unknown): value is NonNullable<KioskFailure['details']> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
