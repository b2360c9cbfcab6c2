/**
 * The two origins that exist only inside the shell: `.invalid` never resolves (RFC 6761), so that
 * nothing on the network can stand in for them. The UI has the bridge; displays of sessions have
 * an origin of their own, without it.
 */
export const UI_ORIGIN = 'https://ui.vestibule.invalid';
export const DISPLAY_ORIGIN = 'https://display.vestibule.invalid';
