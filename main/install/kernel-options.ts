/**
 * Words of the kernel's command line that an installed system keeps: where a room's computers get
 * their campus from the boot server's configuration, the disk must say the same.
 */

/** Of settings and consoles; what belongs to this one start (`vestibule.boot.`, an order to install) is not. */
const KEPT = /^(?:vestibule\.|console=|loglevel=|systemd\.)/;
const ONCE = /^vestibule\.(?:boot|install)\./;
/** Nothing that GRUB's script would read as anything but text. */
const PLAIN = /^[\w.,:;/=+@%~^!?*-]+$/;
/** The kernel cuts a longer line off (COMMAND_LINE_SIZE of x86 is 2048). */
const MAX_LENGTH = 1500;

/** @param commandLine of the running kernel, as /proc/cmdline says */
export function keptOptions(commandLine: string): string {
  const words = commandLine
    .split(/\s+/)
    .filter((word) => KEPT.test(word) && !ONCE.test(word) && PLAIN.test(word));
  const kept: string[] = [];
  for (const word of new Set(words)) {
    if ([...kept, word].join(' ').length <= MAX_LENGTH) kept.push(word);
  }
  return kept.join(' ');
}

/** The text of `vestibule/options.cfg` on the EFI system partition (squashfs/README.md). */
export function optionsFile(options: string): string {
  // In single quotes GRUB expands nothing.
  return `set options='${options}'\n`;
}
