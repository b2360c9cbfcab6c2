/** Numbers of the bridge. Apart from the schemas, so that a page needs no validator to know them. */

/** The page says it is alive this often, in milliseconds. */
export const HEARTBEAT_MS = 5_000;
/** The largest message in either direction, in UTF-16 code units of its JSON. */
export const MAX_MESSAGE_LENGTH = 1_000_000;
/** Calls that one page may have under way. */
export const MAX_PENDING_CALLS = 64;
