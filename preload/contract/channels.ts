/** Electron's channel names. Apart from the schemas, so that preloads do not carry them. */
export const CALL_CHANNEL = 'vestibule:call';
export const EVENT_CHANNEL = 'vestibule:event';
/** A web session's strip was pressed. */
export const CHORD_CHANNEL = 'vestibule:chord';
