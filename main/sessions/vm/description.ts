/**
 * The machine description: what a campus says about a virtual machine, in its own words and not
 * in QEMU's. `{}` is a sensible machine. Published as JSON schema in docs/machine.schema.json;
 * turned into QEMU's arguments by `arguments.ts`.
 */
import { z } from 'zod';
import { KioskError } from '../../base/errors.ts';

const Share = z
  .number()
  .gt(0)
  .max(1)
  .describe('A share of what the computer has, after the reserve: 0.5 is half.');

const Firmware = z
  .union([
    z.enum(['bios', 'uefi']),
    z.strictObject({
      type: z.enum(['bios', 'uefi']),
      secureBoot: z
        .boolean()
        .default(false)
        .describe("UEFI only: start with Microsoft's keys enrolled and Secure Boot on."),
    }),
  ])
  .transform((value) => (typeof value === 'string' ? { type: value, secureBoot: false } : value))
  .refine((value) => value.type === 'uefi' || !value.secureBoot, {
    message: 'Secure Boot needs UEFI',
  });

const Cpu = z.strictObject({
  count: z.int().min(1).max(256).optional().describe('Virtual processors. Wins over `share`.'),
  share: Share.default(0.5),
  reserve: z
    .int()
    .min(0)
    .max(64)
    .default(1)
    .describe('Processors that `share` leaves to the computer itself, where it has more than one.'),
});

const Memory = z.strictObject({
  mib: z
    .int()
    .min(32)
    .max(4 * 1024 * 1024)
    .optional()
    .describe('MiB. Wins over `share`.'),
  share: Share.default(0.5),
  reserveMib: z
    .int()
    .min(0)
    .max(1024 * 1024)
    .default(1024)
    .describe('MiB of available memory that the computer itself keeps.'),
  minimumMib: z
    .int()
    .min(32)
    .max(4 * 1024 * 1024)
    .default(512)
    .describe('With `share`: below this the start is refused.'),
});

const DiskBus = z.enum(['virtio', 'sata', 'nvme']);

const ExtraDisk = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('cdrom'),
    image: z.string().max(128).describe('Id of an image of the manifest; read-only.'),
  }),
  z.strictObject({
    type: z.literal('scratch'),
    sizeMib: z
      .int()
      .min(1)
      .max(64 * 1024 * 1024)
      .describe('An empty disk that grows with use, for this session only.'),
    bus: DiskBus.default('virtio'),
  }),
]);

const Network = z.strictObject({
  type: z
    .union([
      z.enum(['user', 'none']),
      z.templateLiteral(['group:', z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/)]),
    ])
    .default('user')
    .describe(
      "`user`: reaches the computer's networks but not the computer's own services; `group:name`: " +
        'a private network of the machines that start together; `none`: a card without a cable.',
    ),
  model: z.enum(['virtio', 'e1000e', 'rtl8139']).default('virtio'),
  mac: z
    .string()
    .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
    .refine((mac) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0, {
      message: 'a unicast address',
    })
    .optional()
    .describe('Derived from session and position when absent.'),
});

const Display = z.strictObject({
  heads: z.int().min(1).max(4).default(1),
  width: z.int().min(640).max(7680).default(1280),
  height: z.int().min(400).max(4320).default(800),
  adapter: z
    .enum(['virtio', 'qxl', 'std'])
    .default('virtio')
    .describe('`std` for guests without any driver of ours.'),
});

export const MachineDescription = z
  .strictObject({
    os: z
      .enum(['linux', 'windows', 'other'])
      .default('linux')
      .describe('A hint: chooses the clock, the pointing device and Hyper-V features.'),
    machine: z.enum(['q35', 'pc']).default('q35'),
    firmware: Firmware.prefault('bios'),
    cpu: Cpu.prefault({}),
    memory: Memory.prefault({}),
    bootDisk: z
      .strictObject({ bus: DiskBus.default('virtio') })
      .prefault({})
      .describe("How the catalogue entry's image is attached."),
    disks: z.array(ExtraDisk).max(8).default([]),
    networks: z.array(Network).max(8).prefault([{}]),
    usb: z
      .strictObject({
        tablet: z
          .enum(['auto', 'usb', 'virtio', 'none'])
          .default('auto')
          .describe('The pointing device; `auto`: virtio for linux, else usb.'),
        redirection: z
          .int()
          .min(0)
          .max(4)
          .default(0)
          .describe("Slots for the person's own USB devices."),
      })
      .prefault({}),
    tpm: z.boolean().default(false).describe('A TPM 2.0 with a state of its own (swtpm).'),
    audio: z.boolean().default(true),
    display: Display.prefault({}),
    home: z
      .boolean()
      .default(false)
      .describe(
        "The person's files, where the campus gives people a folder: virtio-9p with the tag `home`.",
      ),
    console: z
      .boolean()
      .default(false)
      .describe('A serial port whose last 64 KiB reach the log when the machine crashes.'),
  })
  .refine((value) => value.machine === 'q35' || !value.firmware.secureBoot, {
    message: 'Secure Boot needs q35',
    path: ['firmware'],
  })
  .meta({ title: 'Vestibule machine description' });
export type MachineDescription = z.output<typeof MachineDescription>;

/** @throws KioskError `MACHINE_DESCRIPTION_INVALID`, naming the first field that is wrong */
export function parseDescription(value: unknown): MachineDescription {
  const parsed = MachineDescription.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'description';
  throw new KioskError(
    'MACHINE_DESCRIPTION_INVALID',
    `The machine description is wrong at ${field}: ${issue?.message ?? 'invalid'}.`,
    { cause: parsed.error, details: { field } },
  );
}

/** The JSON schema of what a campus may write, for docs/machine.schema.json. */
export function descriptionJsonSchema(): unknown {
  return z.toJSONSchema(MachineDescription, { io: 'input', target: 'draft-2020-12' });
}
