/**
 * What a display frame and the page around it say to each other by `postMessage`. Each side
 * gives the other's exact origin as the target and checks it on receipt.
 */
import type { ErrorCode } from '../../preload/contract/errors.ts';
import { ERROR_CODES } from '../../preload/contract/errors.ts';

/** Clipboard texts beyond this many UTF-16 code units are not passed on. */
export const MAX_CLIPBOARD_LENGTH = 1_000_000;

/** Frame → page. */
export type FrameMessage =
  /** The picture is there, in guest pixels; sent again when its size changes. */
  | { readonly type: 'ready'; readonly width: number; readonly height: number }
  /** The connection broke while the session may live: send `connect` with a fresh address. */
  | { readonly type: 'lost'; readonly code: ErrorCode }
  /** The session's picture is over; the frame will not come back by itself. */
  | { readonly type: 'ended'; readonly code: ErrorCode | null }
  /** The person pressed the return chord. */
  | { readonly type: 'chord' }
  /** Text that was copied in the guest. */
  | { readonly type: 'clipboard'; readonly text: string };

/** Page → frame. */
export type PageMessage =
  /** A fresh address from `sessions.display`, of the same display. */
  | { readonly type: 'connect'; readonly url: string }
  /** Take the keyboard. */
  | { readonly type: 'focus' }
  /** The picture's accessible name, in the person's language. */
  | { readonly type: 'label'; readonly text: string }
  /** Text for the guest's clipboard. */
  | { readonly type: 'clipboard'; readonly text: string }
  /** Keys that the kiosk's own system would take: Ctrl+Alt+Delete. */
  | { readonly type: 'ctrl-alt-delete' };

/** The frame's message, or undefined where it is none. */
export function parseFrameMessage(data: unknown): FrameMessage | undefined {
  const message = record(data);
  switch (message?.type) {
    case 'ready':
      return size(message.width) && size(message.height)
        ? { type: 'ready', width: message.width, height: message.height }
        : undefined;
    case 'lost':
      return errorCode(message.code) ? { type: 'lost', code: message.code } : undefined;
    case 'ended':
      return message.code === null || errorCode(message.code)
        ? { type: 'ended', code: message.code }
        : undefined;
    case 'chord':
      return { type: 'chord' };
    case 'clipboard':
      return text(message.text) ? { type: 'clipboard', text: message.text } : undefined;
    default:
      return undefined;
  }
}

/** The page's message, or undefined where it is none. */
export function parsePageMessage(data: unknown): PageMessage | undefined {
  const message = record(data);
  switch (message?.type) {
    case 'connect':
      return text(message.url) ? { type: 'connect', url: message.url } : undefined;
    case 'label':
    case 'clipboard':
      return text(message.text) ? { type: message.type, text: message.text } : undefined;
    case 'focus':
    case 'ctrl-alt-delete':
      return { type: message.type };
    default:
      return undefined;
  }
}

function record(data: unknown): { readonly [key: string]: unknown } | undefined {
  return typeof data === 'object' && data !== null ? { ...data } : undefined;
}

function size(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 32_768;
}

function text(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CLIPBOARD_LENGTH;
}

function errorCode(value: unknown): value is ErrorCode {
  return ERROR_CODES.some((code) => code === value);
}
