/**
 * GRUB for BIOS, put in place as grub-bios-setup(8) does for a BIOS boot partition, without its
 * probing of the running system's root, which here is an overlay in RAM. Offsets are those of
 * GRUB's `include/grub/i386/pc/boot.h`.
 */
import { KioskError } from '../base/errors.ts';

const SECTOR = 512;
/** Of boot.img: where core.img begins on the disk. */
const KERNEL_SECTOR = 0x5c;
/** Of boot.img: the BIOS's number of the disk; 0xff: the one that the BIOS started. */
const BOOT_DRIVE = 0x64;
/** Of boot.img: a jump that is only for floppy disks' sake. */
const DRIVE_CHECK = 0x66;
/** Of core.img's first sector: the place and length of the rest, and where it is loaded. */
const BLOCK_LIST = SECTOR - 12;
const LOAD_SEGMENT = 0x0820;
/** The disk's own part of sector 0 (serial number, MBR entries) begins here. */
export const MBR_CODE = 440;

/**
 * @param bootImage GRUB's `boot.img`, 512 bytes
 * @param startSector where core.img will stand
 * @returns the first {@link MBR_CODE} bytes of the disk
 */
export function mbrCode(bootImage: Buffer, startSector: number): Buffer {
  if (bootImage.length !== SECTOR || bootImage.readUInt16LE(510) !== 0xaa55) {
    throw new KioskError('BOOT_LOADER_FAILED', 'boot.img of GRUB is not what it should be.');
  }
  const code = Buffer.from(bootImage.subarray(0, MBR_CODE));
  code.writeBigUInt64LE(BigInt(startSector), KERNEL_SECTOR);
  code.writeUInt8(0xff, BOOT_DRIVE);
  // Two NOPs: trust the drive number that the BIOS gives.
  code.writeUInt16LE(0x9090, DRIVE_CHECK);
  return code;
}

/**
 * @param core GRUB's core.img as grub-mkimage(1) makes it
 * @param room bytes of the BIOS boot partition
 * @returns core.img as it stands on the disk, padded to sectors
 */
export function embeddedCore(core: Buffer, startSector: number, room: number): Buffer {
  const sectors = Math.ceil(core.length / SECTOR);
  if (core.length < 2 * SECTOR || sectors * SECTOR > room) {
    throw new KioskError('BOOT_LOADER_FAILED', 'core.img of GRUB does not fit.', {
      details: { bytes: core.length, room },
    });
  }
  const placed = Buffer.alloc(sectors * SECTOR);
  core.copy(placed);
  placed.writeBigUInt64LE(BigInt(startSector + 1), BLOCK_LIST);
  placed.writeUInt16LE(sectors - 1, BLOCK_LIST + 8);
  placed.writeUInt16LE(LOAD_SEGMENT, BLOCK_LIST + 10);
  return placed;
}
