/**
 * The closed list of error codes. A code is stable: campus UIs, reports and translations key on
 * it. Add at the end of a group; never reuse or rename one that has shipped.
 */
export const ERROR_CODES = [
  // bridge: the page asked for something it may not, or wrongly
  'BRIDGE_CALLER_REFUSED',
  'BRIDGE_UNKNOWN_METHOD',
  'BRIDGE_BAD_ARGUMENTS',
  'BRIDGE_BAD_RESULT',
  'BRIDGE_MESSAGE_TOO_LARGE',
  'BRIDGE_TOO_MANY_CALLS',
  'BRIDGE_CLOSED',
  'NOT_ALLOWED',
  'INTERNAL',
  'CANCELLED',
  'TIMEOUT',
  // campus: reaching it
  'CAMPUS_UNREACHABLE',
  'CAMPUS_TIMEOUT',
  'CAMPUS_HTTP_ERROR',
  'CAMPUS_CERTIFICATE',
  'CAMPUS_REDIRECT_REFUSED',
  'CAMPUS_RESPONSE_TOO_LARGE',
  'CAMPUS_TOO_SLOW',
  'CAMPUS_BAD_RESPONSE',
  'CAMPUS_ENDPOINT_ABSENT',
  // manifest: believing it
  'MANIFEST_SIGNATURE_MISSING',
  'MANIFEST_SIGNATURE_WRONG',
  'MANIFEST_KEY_UNKNOWN',
  'MANIFEST_OLDER',
  'MANIFEST_EXPIRED',
  'MANIFEST_TOO_LARGE',
  'MANIFEST_NOT_JSON',
  'MANIFEST_INVALID',
  // UI bundle
  'UI_FILE_MISMATCH',
  'UI_RENDER_FAILED',
  'UI_CRASHED',
  'UI_NOT_CACHED',
  // people
  'SIGN_IN_WRONG',
  'SIGN_IN_LOCKED',
  'SIGN_IN_NEEDS_NETWORK',
  'SIGN_IN_REQUIRED',
  'GUESTS_NOT_ALLOWED',
  // a person's files on this computer
  'HOME_LOCKED',
  'HOME_UNAVAILABLE',
  'HOME_STORAGE_REFUSED',
  'HOME_STORAGE_FULL',
  // sessions
  'ENTRY_UNKNOWN',
  'ENTRY_NEEDS_NETWORK',
  'SESSION_UNKNOWN',
  'SESSION_LIMIT',
  'ENGINE_MISSING',
  'NOT_ENOUGH_MEMORY',
  'NOT_ENOUGH_DISK',
  'SESSION_TIMEOUT',
  // machines
  'MACHINE_DESCRIPTION_INVALID',
  'MACHINE_IMAGE_MISSING',
  'MACHINE_IMAGE_CORRUPT',
  'MACHINE_PROGRAM_MISSING',
  'MACHINE_DIED',
  'MACHINE_SILENT',
  'MACHINE_CRASHED',
  'MACHINE_FIRMWARE_MISSING',
  'MACHINE_TPM_FAILED',
  'MACHINE_IMPORT_UNSUPPORTED',
  'MACHINE_SLOW',
  'DISPLAY_UNAVAILABLE',
  'DISPLAY_TOKEN_REFUSED',
  // remote desktops
  'REMOTE_REFUSED',
  'REMOTE_CERTIFICATE',
  'REMOTE_CERTIFICATE_CHANGED',
  'REMOTE_CREDENTIALS_WRONG',
  'REMOTE_NLA_REQUIRED',
  'REMOTE_TICKET_EXPIRED',
  'REMOTE_LOST',
  'REMOTE_NEGOTIATION_FAILED',
  'REMOTE_FEATURE_MISSING',
  // images
  'IMAGE_UNKNOWN',
  'IMAGE_MANIFEST_INVALID',
  'IMAGE_HASH_MISMATCH',
  'IMAGE_IN_USE',
  'IMAGE_TRANSPORT_FAILED',
  'IMAGE_NOT_STARTED',
  'IMAGE_STREAM_WRONG',
  'IMAGE_SOURCE_UNSUPPORTED',
  // state on disk
  'DISK_FULL',
  'DISK_READ_ONLY',
  'DATABASE_CORRUPT',
  'STORE_LOCKED',
  // jobs
  'JOB_UNKNOWN',
  'JOB_STATE',
  // settings
  'SETTINGS_INVALID',
  'SETTINGS_UNREADABLE',
  // children
  'PROGRAM_MISSING',
  'PROGRAM_FAILED',
  // power and root helper
  'HELPER_ABSENT',
  'HELPER_REFUSED',
  'POWER_REFUSED',
  // installation
  'DISK_IN_USE',
  'DISK_CHANGED',
  'DISK_UNKNOWN',
  'INSTALL_REFUSED',
  'INSTALL_NOT_CONFIRMED',
  'INSTALL_SOURCE_MISSING',
  'SYSTEM_CORRUPT',
  'SYSTEM_NOT_INSTALLED',
  'BOOT_LOADER_FAILED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** JSON values: everything that crosses the bridge. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** How an error crosses the bridge. `details` never holds secrets or host paths. */
export interface WireError {
  code: ErrorCode;
  /** One English sentence for logs; the UI translates by `code`. */
  message: string;
  details?: { [key: string]: Json };
}
