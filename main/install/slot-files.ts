/** What a slot holds, as `root.cfg` describes it (squashfs/README.md). */
import type { RootDescription } from './root-description.ts';

export interface SlotFile {
  readonly name: 'vmlinuz' | 'initrd.img' | 'vestibule.efi' | 'root.sqfs';
  readonly sha256: string;
}

/** The description and its signature: with them a folder is a system, so they are written last. */
export const DESCRIPTION = 'root.cfg';
export const SIGNATURE = 'root.cfg.sig';

/** Every file that the description covers. */
export function slotFiles(root: RootDescription): SlotFile[] {
  return [
    { name: 'vmlinuz', sha256: root.vmlinuzSha256 },
    { name: 'initrd.img', sha256: root.initrdSha256 },
    ...(root.efiSha256 === undefined
      ? []
      : [{ name: 'vestibule.efi' as const, sha256: root.efiSha256 }]),
    { name: 'root.sqfs', sha256: root.sha256 },
  ];
}
