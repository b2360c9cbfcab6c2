/**
 * A firmware of 184 bytes for the KVM probe: from the reset vector through real mode straight
 * into 64-bit mode with paging, takes an exception there, and reports by QEMU's debug-exit port.
 * What cannot run it cannot run an operating system: nested or emulated KVMs that accept a
 * virtual machine often fail at exactly one of these steps.
 *
 * ```
 * .code16
 * start:   cli; cld
 *          xor %ax,%ax; mov %ax,%ds; mov %ax,%es; mov %ax,%ss
 *          mov $0x1000,%di; mov $0x2800,%cx; rep stosw      # clear 0x1000-0x5fff
 *          movw $0x2003,0x1000                              # PML4 -> PDPT
 *          movw $0x3003,0x2000                              # PDPT -> PD
 *          movw $0x0083,0x3000                              # PD: 2 MiB, identity
 *          movw $handler,0x5060; movw $8,0x5062             # IDT entry 6 (#UD)
 *          movl $0x000f8e00,0x5064
 *          mov $0x1000,%eax; mov %eax,%cr3
 *          mov %cr4,%eax; or $0x20,%al; mov %eax,%cr4       # PAE
 *          mov $0xc0000080,%ecx; rdmsr; or $1,%ah; wrmsr    # EFER.LME
 *          lgdtl %cs:gdtr
 *          mov %cr0,%eax; or $0x80000001,%eax; mov %eax,%cr0
 *          ljmpl $8,$0xf0000+long
 * .code64
 * long:    mov $0x10,%ax; mov %ax,%ss; mov $0x8000,%esp
 *          lidt idtr(%rip)
 *          ud2
 * handler: mov $0xf4,%dx; mov $0x10,%al; out %al,%dx        # QEMU exits with 0x10 << 1 | 1
 * 1:       hlt; jmp 1b
 * gdt:     .quad 0, 0x00209a0000000000, 0x0000920000000000
 * gdtr:    .word 23; .long 0xf0000+gdt
 * idtr:    .word 0x6f; .quad 0x5000
 * reset:   .org 0xfff0; ljmpw $0xf000,$start
 * ```
 */
const CODE =
  'fafc31c08ed88ec08ed0bf0010b90028f3abc70600100320c70600200330c70600308300c70660508600c7066250' +
  '080066c7066450008e0f0066b8001000000f22d80f20e00c200f22e066b9800000c00f3280cc010f302e660f0116' +
  'a8000f20c0660d010000800f22c066ea72000f00080066b810008ed0bc008000000f011d2a0000000f0b66baf400' +
  'b010eef4ebfd000000000000000000000000009a20000000000000920000170090000f006f000050000000000000';

/** What QEMU exits with when the guest got to its end. */
export const PROBE_PASSED = 0x21;
/** For `-device isa-debug-exit`. */
export const PROBE_PORT = '0xf4';

/** The firmware as QEMU takes it: 64 KiB whose last 16 bytes the processor runs first. */
export function probeRom(): Buffer {
  const rom = Buffer.alloc(64 * 1024);
  rom.write(CODE, 0, 'hex');
  rom.write('ea000000f0', 0xfff0, 'hex');
  return rom;
}
