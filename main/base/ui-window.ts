/** WM_CLASS of the shell's windows on X: how others find the UI's. */
export const UI_WINDOW_CLASS = 'vestibule-ui';
