import { describe, expect, it } from 'vitest';
import * as steps from '../../../main/sessions/vm/arguments.ts';
import { parseDescription } from '../../../main/sessions/vm/description.ts';

function plan(description: unknown = {}, more: Partial<steps.MachinePlan> = {}): steps.MachinePlan {
  return {
    description: parseDescription(description),
    name: 'lab',
    uuid: '00000000-0000-8000-8000-000000000000',
    accelerator: 'tcg',
    cpus: 2,
    memoryMib: 1024,
    sockets: { qmp: '/run/v/qmp', spice: '/run/v/spice' },
    passwordFile: '/run/v/password',
    disks: [],
    networks: [],
    ...more,
  };
}

const overlay: steps.PlannedDisk = {
  type: 'disk',
  bus: 'virtio',
  path: '/state/disk.qcow2',
  format: 'qcow2',
  backing: { path: '/images/base', format: 'raw' },
  boot: true,
  temporary: true,
};

describe('steps', () => {
  it('confine QEMU', () => {
    expect(steps.confinement(plan())).toEqual([
      '-nodefaults',
      '-no-user-config',
      '-sandbox',
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
  });

  it('double commas, so that a name cannot add options', () => {
    expect(steps.identity(plan({}, { name: 'a,process=evil' })).join(' ')).toContain(
      'product=a,,process=evil',
    );
  });

  it('choose accelerator and processor', () => {
    expect(steps.machineType(plan())).toContain('tcg,thread=multi,tb-size=256');
    expect(steps.processor(plan())).toEqual([
      '-cpu',
      'max',
      '-smp',
      '2,sockets=1,cores=2,threads=1',
    ]);
    const windows = plan({ os: 'windows' }, { accelerator: 'kvm' });
    expect(steps.processor(windows)[1]).toMatch(/^host,hv_relaxed=on/);
    expect(steps.clock(windows)).toContain('base=localtime,driftfix=slew');
  });

  it('keep the SPICE password out of the arguments, and SPICE off the network', () => {
    const spice = steps.spice(plan());
    expect(spice).toContain('secret,id=spice,file=/run/v/password');
    expect(spice.join(' ')).toContain('unix=on,addr=/run/v/spice,password-secret=spice');
    expect(spice.join(' ')).not.toMatch(/port=/);
  });

  it('name every layer of a disk, the base read-only and without a layer of its own', () => {
    const [, tree = ''] = steps.disks(plan({}, { disks: [overlay] }));
    expect(JSON.parse(tree)).toMatchObject({
      'node-name': 'disk0',
      driver: 'qcow2',
      cache: { 'no-flush': true },
      file: { driver: 'file', filename: '/state/disk.qcow2', 'read-only': false },
      backing: { driver: 'raw', 'read-only': true, file: { filename: '/images/base' } },
    });
    const qcow2 = { ...overlay, backing: { path: '/images/base', format: 'qcow2' as const } };
    const [, two = ''] = steps.disks(plan({}, { disks: [qcow2] }));
    expect(JSON.parse(two)).toMatchObject({ backing: { driver: 'qcow2', backing: null } });
  });

  it('flush what is kept', () => {
    const [, tree = ''] = steps.disks(plan({}, { disks: [{ ...overlay, temporary: false }] }));
    expect(JSON.parse(tree)).toMatchObject({ cache: { 'no-flush': false } });
  });

  it('bring a controller for SATA on the old chipset, and refuse a seventh disk', () => {
    const sata: steps.PlannedDisk = { ...overlay, bus: 'sata', boot: false };
    expect(steps.disks(plan({ machine: 'pc' }, { disks: [sata] }))).toContain('ich9-ahci,id=ahci');
    expect(steps.disks(plan({}, { disks: [sata] })).at(-1)).toContain('bus=ide.0');
    expect(() => steps.disks(plan({}, { disks: Array(7).fill(sata) }))).toThrow(/six SATA/);
  });

  it('put each card on a hub of its own, to be plugged in later', () => {
    const args = steps.networks(
      plan(
        {},
        {
          networks: [
            { model: 'virtio', mac: '52:54:00:00:00:01' },
            { model: 'e1000e', mac: '52:54:00:00:00:02' },
          ],
        },
      ),
    );
    expect(args).toContain('hubport,id=net0,hubid=0');
    expect(args).toContain('hubport,id=net1,hubid=1');
    expect(args.join(' ')).not.toMatch(/\buser\b|tap|socket,/);
    expect(steps.plugCommands(1, '/run/v/net1')).toMatchObject([
      { type: 'stream', addr: { type: 'unix', path: '/run/v/net1' } },
      { type: 'hubport', hubid: 1, netdev: 'link1' },
    ]);
  });

  it('give UEFI the shared code read-only and variables of its own', () => {
    const firmware = { code: '/ovmf/code', variables: '/state/vars' };
    const args = steps.firmware(plan({ firmware: 'uefi' }, { firmware }));
    expect(args).toContain('if=pflash,unit=0,format=raw,readonly=on,file=/ovmf/code');
    expect(args).toContain('if=pflash,unit=1,format=raw,readonly=off,file=/state/vars');
    expect(args.join(' ')).not.toContain('secure');
    const secure = plan({ firmware: { type: 'uefi', secureBoot: true } }, { firmware });
    expect(steps.firmware(secure).join(' ')).toContain('property=secure,value=on');
    expect(steps.machineType(secure).join(' ')).toContain('smm=on');
  });

  it('choose the pointer by the system', () => {
    expect(steps.input(plan())).toEqual(['-device', 'virtio-tablet-pci']);
    expect(steps.input(plan({ os: 'windows', usb: { redirection: 1 } }))).toEqual([
      '-device',
      'qemu-xhci,id=usb',
      '-device',
      'usb-tablet,bus=usb.0',
      '-chardev',
      'spicevmc,id=redir0,name=usbredir',
      '-device',
      'usb-redir,chardev=redir0,bus=usb.0',
    ]);
  });

  it('lend the folder of the person, mapped, where there is one', () => {
    expect(steps.home(plan())).toEqual([]);
    expect(steps.home(plan({}, { homeFolder: '/run/homes/a,readonly=off/files' }))).toEqual([
      '-fsdev',
      'local,id=home,path=/run/homes/a,,readonly=off/files,security_model=mapped-xattr',
      '-device',
      'virtio-9p-pci,fsdev=home,mount_tag=home',
    ]);
  });

  it('add what was asked for and nothing else', () => {
    expect(steps.audio(plan({ audio: false }))).toEqual([]);
    expect(steps.tpm(plan())).toEqual([]);
    expect(steps.tpm(plan({}, { tpmSocket: '/run/v/tpm' }))).toContain('tpm-crb,tpmdev=tpm');
    expect(steps.display(plan({ display: { heads: 2, width: 1920, height: 1080 } }))).toContain(
      'virtio-vga,max_outputs=2,xres=1920,yres=1080',
    );
  });
});

it('the whole command line of a plain machine', () => {
  const whole = plan(
    {},
    {
      disks: [overlay],
      networks: [{ model: 'virtio', mac: '52:54:00:00:00:01' }],
    },
  );
  expect(steps.qemuArguments(whole).join(' ')).toMatchInlineSnapshot(
    `"-nodefaults -no-user-config -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny -name guest=lab,debug-threads=on -uuid 00000000-0000-8000-8000-000000000000 -smbios type=1,manufacturer=Vestibule,product=lab -machine q35,vmport=off,hpet=off,dump-guest-core=off -accel tcg,thread=multi,tb-size=256 -cpu max -smp 2,sockets=1,cores=2,threads=1 -m 1024M -rtc base=utc,driftfix=slew -boot menu=off,strict=on -chardev socket,id=qmp,path=/run/v/qmp,server=on,wait=off -mon chardev=qmp,mode=control -monitor none -parallel none -display none -vga none -device virtio-vga,max_outputs=1,xres=1280,yres=800 -object secret,id=spice,file=/run/v/password -spice unix=on,addr=/run/v/spice,password-secret=spice,agent-mouse=off,image-compression=lz,streaming-video=off -device virtio-serial-pci -chardev spicevmc,id=agent,name=vdagent -device virtserialport,chardev=agent,name=com.redhat.spice.0 -device virtio-tablet-pci -audiodev spice,id=sound -device ich9-intel-hda -device hda-duplex,audiodev=sound -blockdev {"node-name":"disk0","driver":"qcow2","read-only":false,"auto-read-only":false,"cache":{"no-flush":true,"direct":false},"discard":"unmap","file":{"driver":"file","filename":"/state/disk.qcow2","read-only":false,"auto-read-only":false,"cache":{"no-flush":true,"direct":false},"discard":"unmap"},"backing":{"driver":"raw","read-only":true,"auto-read-only":false,"file":{"driver":"file","filename":"/images/base","read-only":true,"auto-read-only":false,"cache":{"no-flush":true,"direct":false}}}} -device virtio-blk-pci,drive=disk0,bootindex=0 -netdev hubport,id=net0,hubid=0 -device virtio-net-pci,id=card0,netdev=net0,mac=52:54:00:00:00:01,romfile= -object rng-random,id=entropy,filename=/dev/urandom -device virtio-rng-pci,rng=entropy -device pvpanic-pci -action panic=pause -serial none"`,
  );
});
