/** The command line of a kiosk that is watched over its serial line. */
import type { TrustedKey } from '../../main/campus/api.ts';

/** The kiosk's unit: the page has painted (main/run.ts). */
export const KIOSK_SHOWN = /the page is on the screen/;

/** @param campus base URL, as the kiosk sees it */
export function kioskOptions(campus: string, key: TrustedKey): string {
  return [
    `vestibule.campus.servers=${campus}`,
    `vestibule.campus.keys=${key.id}:${key.publicKey}`,
    'vestibule.campus.allowPlainServices vestibule.campus.pollSeconds=5',
    'console=ttyS0 loglevel=6',
    'systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info',
  ].join(' ');
}
