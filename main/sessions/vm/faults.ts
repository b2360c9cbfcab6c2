/** What QEMU says when it cannot go on, as codes. */
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import { KioskError } from '../../base/errors.ts';

/** QEMU's own words, matched because it has no exit codes; the rest is `MACHINE_DIED`. */
const SYMPTOMS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/Failed to get "(write|consistent read|shared .*)" lock/, 'IMAGE_IN_USE', 'Its disk is in use.'],
  [
    /not in qcow2 format|qcow2: .*corrupt|Image is corrupt|L1 table|refcount (table|structures)|Unsupported qcow2|invalid (header|cluster)|Backing file format/i,
    'MACHINE_IMAGE_CORRUPT',
    'Its disk is damaged.',
  ],
  [
    /cannot set up guest memory|Cannot allocate memory/,
    'NOT_ENOUGH_MEMORY',
    'There is not enough memory for it.',
  ],
  [/No space left on device/, 'DISK_FULL', 'The disk is full.'],
];

/** What a machine that ended by itself says on standard error, as an error with a code. */
export function deathError(exit: {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
}): KioskError {
  const line = usefulLine(exit.stderrTail);
  const how = exit.signal ?? (exit.code === null ? 'unknown' : `status ${exit.code}`);
  for (const [pattern, code, sentence] of SYMPTOMS) {
    if (pattern.test(exit.stderrTail))
      return new KioskError(code, `The machine could not go on. ${sentence} (${line})`);
  }
  return new KioskError('MACHINE_DIED', `The machine ended (${how}): ${line || 'no message'}`, {
    details: { exit: exit.code, signal: exit.signal },
  });
}

/** The last line that says something: warnings come before the error that ended it. */
export function usefulLine(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^qemu-system-\w+: /, '').trim())
    .filter((line) => line !== '' && !/^warning: /.test(line));
  return (lines.at(-1) ?? '').slice(0, 500);
}

/** A program that a machine needs is not installed. */
export function isMissing(error: unknown): boolean {
  return error instanceof KioskError && error.code === 'PROGRAM_MISSING';
}
