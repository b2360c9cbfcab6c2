import { describe, expect, it } from 'vitest';
import { importLibvirt } from '../../../main/sessions/vm/import-libvirt.ts';
import { importOvf } from '../../../main/sessions/vm/import-ovf.ts';

const invalid = expect.objectContaining({ code: 'MACHINE_DESCRIPTION_INVALID' });
const unsupported = expect.objectContaining({ code: 'MACHINE_IMPORT_UNSUPPORTED' });

const DOMAIN = `<?xml version="1.0"?>
<domain type="kvm" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <name>win11 &amp; lab</name>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://microsoft.com/win/11"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit="GiB">4</memory>
  <vcpu placement="static">2</vcpu>
  <os firmware="efi">
    <type arch="x86_64" machine="pc-q35-7.2">hvm</type>
    <firmware><feature enabled="yes" name="secure-boot"/></firmware>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type="file" device="disk"><target dev="sda" bus="scsi"/></disk>
    <disk type="file" device="cdrom"><target dev="sdb" bus="sata"/></disk>
    <interface type="network"><mac address="52:54:00:AA:bb:cc"/><source network="default"/><model type="e1000e"/></interface>
    <interface type="network"><source network="Lab Net"/><model type="vmxnet3"/></interface>
    <tpm model="tpm-crb"/><sound model="ich9"/>
    <video><model type="qxl" heads="2"/></video>
    <redirdev bus="usb" type="spicevmc"/><redirdev bus="usb" type="spicevmc"/>
    <hostdev mode="subsystem" type="pci"/>
  </devices>
  <qemu:commandline><qemu:arg value="-snapshot"/></qemu:commandline>
</domain>`;

describe('a libvirt domain', () => {
  it('becomes a description, and says what it lost', () => {
    const { name, description, dropped } = importLibvirt(DOMAIN);
    expect(name).toBe('win11 & lab');
    expect(description).toMatchObject({
      os: 'windows',
      machine: 'q35',
      firmware: { type: 'uefi', secureBoot: true },
      cpu: { count: 2 },
      memory: { mib: 4096 },
      bootDisk: { bus: 'sata' },
      networks: [
        { type: 'user', model: 'e1000e', mac: '52:54:00:aa:bb:cc' },
        { type: 'group:lab-net', model: 'virtio' },
      ],
      usb: { redirection: 2 },
      tpm: true,
      audio: true,
      display: { heads: 2, adapter: 'qxl' },
    });
    expect(dropped).toEqual([
      'The device <hostdev> is not carried over.',
      "The domain's own QEMU arguments are not carried over.",
      'sdb (cdrom) is not carried over: name an image or a scratch disk.',
      'The disk bus scsi became sata.',
      'The network card vmxnet3 became virtio.',
    ]);
  });

  it('of another architecture is refused', () => {
    const arm = '<domain><os><type arch="aarch64">hvm</type></os></domain>';
    expect(() => importLibvirt(arm)).toThrow(unsupported);
    expect(() => importLibvirt('<other/>')).toThrow(unsupported);
  });
});

describe('an oVirt OVF', () => {
  const item = (fields: Record<string, string | number>): string =>
    `<Item>${Object.entries(fields)
      .map(([key, value]) => `<rasd:${key}>${value}</rasd:${key}>`)
      .join('')}</Item>`;
  const ovf = (items: string, more = '<BiosType>3</BiosType>'): string =>
    `<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/" xmlns:rasd="r" xmlns:xsi="x"><Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type"><Name>debian</Name>${more}<Section xsi:type="ovf:OperatingSystemSection_Type"><Description>debian_9</Description></Section><Section xsi:type="ovf:VirtualHardwareSection_Type">${items}</Section></Content></ovf:Envelope>`;
  const cpu = item({ ResourceType: 3, num_of_sockets: 2, cpu_per_socket: 2, threads_per_cpu: 1 });
  const memory = item({ ResourceType: 4, AllocationUnits: 'MegaBytes', VirtualQuantity: 2048 });

  it('becomes a description, and says what it lost', () => {
    const card = item({
      ResourceType: 10,
      ResourceSubType: 3,
      Connection: 'ovirtmgmt',
      MACAddress: '00:1A:4A:16:01:51',
    });
    const host = item({ ResourceType: 12, Caption: 'A passed-through card' });
    const { name, description, dropped } = importOvf(ovf(cpu + memory + card + host));
    expect(name).toBe('debian');
    expect(description).toMatchObject({
      os: 'linux',
      machine: 'q35',
      firmware: { type: 'uefi' },
      cpu: { count: 4 },
      memory: { mib: 2048 },
      networks: [{ type: 'user', model: 'virtio', mac: '00:1a:4a:16:01:51' }],
    });
    expect(dropped).toEqual([
      'A passed-through card is not carried over.',
      'The network ovirtmgmt became user networking.',
    ]);
  });

  it('without a machine, or with memory in odd units, is refused', () => {
    expect(() => importOvf('<Envelope/>')).toThrow(unsupported);
    const odd = item({ ResourceType: 4, AllocationUnits: 'PebiBytes', VirtualQuantity: 1 });
    expect(() => importOvf(ovf(cpu + odd))).toThrow(unsupported);
  });
});

describe('hostile XML', () => {
  const bomb = `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><domain><name>&b;</name></domain>`;
  const external = `<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain><name>&x;</name></domain>`;
  it.each([
    ['an entity bomb', bomb],
    ['an external entity', external],
    ['a million bytes', `<domain>${' '.repeat(1_000_001)}</domain>`],
    ['ten thousand levels', `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}`],
    ['no XML', 'hello'],
    ['cut XML', '<domain><name>'],
    ['memory that is no number', '<domain><memory>many</memory></domain>'],
    ['prototype keys', '<domain><__proto__><memory>1</memory></__proto__></domain>'],
  ])('%s is refused', (_, xml) => {
    expect(() => importLibvirt(xml)).toThrow(invalid);
  });
});
