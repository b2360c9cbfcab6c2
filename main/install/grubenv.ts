/**
 * GRUB's environment block (GRUB manual, "Environment block"): 1024 bytes of lines, padded with
 * `#`. Ours keeps which slot is good and which is tried (squashfs/grub/disk.cfg). All of it stays
 * in the first 512 bytes: one sector, which a disk writes whole or not at all.
 */
import { z } from 'zod';
import { KioskError } from '../base/errors.ts';

const HEAD = '# GRUB Environment Block\n';
export const GRUBENV_SIZE = 1024;
/** What a disk writes whole. */
const ATOM = 512;

const Letter = z.enum(['a', 'b']);
export type Letter = z.infer<typeof Letter>;

export interface BootChoice {
  /** Has shown the kiosk. */
  readonly good: Letter;
  /** To be tried next; null: none. */
  readonly trial: Letter | null;
  /** How often the trial may still start. 0 with a trial: it was given up. */
  readonly tries: number;
  /** Started last; null: GRUB has not run yet. */
  readonly booting: Letter | null;
  /** Path of another system's loader on an EFI system partition; empty: none. */
  readonly other: string;
}

/** @throws KioskError `BOOT_LOADER_FAILED` for a block that is none */
export function parseGrubenv(block: Buffer): BootChoice {
  const text = block.toString('latin1');
  if (block.length !== GRUBENV_SIZE || !text.startsWith(HEAD)) {
    throw new KioskError('BOOT_LOADER_FAILED', "GRUB's environment block is damaged.");
  }
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0 && !line.startsWith('#')) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const letter = (name: string): Letter | null => Letter.safeParse(values.get(name)).data ?? null;
  const tries = Number(values.get('tries'));
  return {
    // GRUB's script starts `a` where it finds nothing else.
    good: letter('good') ?? 'a',
    trial: letter('trial'),
    tries: Number.isInteger(tries) && tries >= 0 && tries <= 3 ? tries : 0,
    booting: letter('booting'),
    other: values.get('other') ?? '',
  };
}

/** @throws KioskError `BOOT_LOADER_FAILED` where it does not fit into one sector */
export function formatGrubenv({ good, trial, tries, booting, other }: BootChoice): Buffer {
  const lines = { good, trial: trial ?? '', tries, booting: booting ?? '', other };
  const text =
    HEAD +
    Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join('');
  if (text.length > ATOM || /[^\n\x20-\x7e]/.test(text)) {
    throw new KioskError('BOOT_LOADER_FAILED', "GRUB's environment block cannot hold that.");
  }
  return Buffer.from(text.padEnd(GRUBENV_SIZE, '#'), 'latin1');
}

/** The running slot has shown the kiosk: it is good, whatever was tried. */
export function markGood(choice: BootChoice, running: Letter): BootChoice {
  const passed = choice.trial === running;
  // The good one runs while another waits for its trial: that stays.
  const waits = choice.trial !== null && !passed && choice.tries > 0;
  return { ...choice, good: running, ...(waits ? {} : { trial: null, tries: 0 }) };
}

/** `slot` is started next, `tries` times at most until it has shown the kiosk. */
export function tryNext(choice: BootChoice, slot: Letter, tries: number): BootChoice {
  if (slot === choice.good) return { ...choice, trial: null, tries: 0 };
  return { ...choice, trial: slot, tries };
}
