/**
 * The demo machine's whole system: an uncompressed cpio archive with busybox, a dozen kernel modules
 * and one init script. Uncompressed, because an emulated processor reads faster
 * than it inflates.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Cpio } from './cpio.ts';
import { type DebianKernel, moduleFiles } from './debian-kernel.ts';

/** What the guest needs of the kernel package; what these depend on comes along. */
const MODULES = [
  'virtio_pci',
  'virtio-gpu',
  'virtio_net',
  'virtio_input',
  'evdev',
  'button',
  'pvpanic-pci',
];

/** For the person's files; loaded only where the machine is lent some. */
const HOME_MODULES = ['9pnet_virtio', '9p'];

/** @throws Error where the host's busybox needs shared libraries */
export async function demoInitrd(kernel: DebianKernel): Promise<Buffer> {
  const busybox = await readFile('/bin/busybox');
  if (busybox.includes('/lib64/ld-linux-x86-64.so.2\0'))
    throw new Error('/bin/busybox is not static: install busybox-static');
  const modules = await moduleFiles(kernel, MODULES);
  const ofHome = (await moduleFiles(kernel, HOME_MODULES)).filter(
    (path) => !modules.includes(path),
  );
  const archive = new Cpio();
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'run', 'etc', 'etc/acpi', 'etc/acpi/PWRF'])
    archive.folder(folder);
  archive.folder('modules');
  archive.file('bin/busybox', busybox, 0o755);
  for (const path of [...modules, ...ofHome])
    archive.file(`modules/${basename(path)}`, await readFile(path), 0o644);
  const order = (paths: readonly string[]): Buffer =>
    Buffer.from(paths.map((path) => `${basename(path)}\n`).join(''));
  archive.file('etc/modules', order(modules), 0o644);
  archive.file('etc/modules-home', order(ofHome), 0o644);
  archive.file('init', Buffer.from(INIT), 0o755);
  archive.file('etc/status', Buffer.from(STATUS), 0o755);
  archive.file('etc/udhcpc', Buffer.from(UDHCPC), 0o755);
  // Without it the static C library looks for plug-ins that are not there, and crashes.
  archive.file('etc/nsswitch.conf', Buffer.from('hosts: files dns\n'), 0o644);
  archive.file('etc/hosts', Buffer.from('127.0.0.1 localhost\n'), 0o644);
  archive.file('etc/profile', Buffer.from(PROFILE), 0o644);
  // busybox acpid runs this at the power button.
  archive.file('etc/acpi/PWRF/00000080', Buffer.from('#!/bin/sh\npoweroff -f\n'), 0o755);
  return archive.end();
}

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin /var/log /var/run /tmp
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ TERM=linux ENV=/etc/profile
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in $(cat /etc/modules); do insmod /modules/$m 2>/dev/null; done
# A virtio device of type 9: the files of the person who is signed in.
if grep -qs 0x0009 /sys/bus/virtio/devices/*/device; then
  for m in $(cat /etc/modules-home); do insmod /modules/$m 2>/dev/null; done
  mkdir -p /home
  mount -t 9p -o trans=virtio,version=9p2000.L home /home
fi
name=$(cat /sys/class/dmi/id/product_name 2>/dev/null)
hostname "\${name:-machine}"
acpid -l /dev/null -p /run/acpid.pid
ip link set lo up
for card in /sys/class/net/eth*; do
  [ -e "$card" ] || continue
  i=\${card##*/}
  # An address at once, from the last two bytes of the MAC (RFC 3927); DHCP replaces it.
  mac=$(cat $card/address)
  ip link set $i up
  ip addr add 169.254.$(printf %d 0x$(echo $mac | cut -d: -f5)).$(printf %d 0x$(echo $mac | cut -d: -f6))/16 dev $i
  udhcpc -i $i -s /etc/udhcpc -b -t 5 -T 2 -q >/dev/null 2>&1 &
done
/etc/status &
echo "vestibule-demo: ready $(hostname)" > /dev/ttyS0 2>/dev/null
while true; do setsid cttyhack sh </dev/tty1 >/dev/tty1 2>&1; done
`;

/** Keeps the coloured head of the screen: name, clock, addresses; and tells the serial line. */
const STATUS = `#!/bin/sh
e=$(printf '\\033')
rows=$(stty size </dev/tty1 | cut -d' ' -f1)
say() { printf "$e[$1;3H$e[1;37;44m%-72s$e[0m" "$2"; }
{
  printf "$e[0m$e[2J"
  for r in 1 2 3 4 5 6 7 8; do printf "$e[$r;1H$e[44m$e[2K"; done
  printf "$e[0m$e[10;\${rows}r$e[10;1H"
} >/dev/tty1
old=
while true; do
  now=$(ip -4 -o addr | awk '$2 != "lo" { printf "%s %s   ", $2, $4 }')
  {
    printf "$e""7"
    say 2 "Vestibule demonstration machine"
    say 4 "Name        $(hostname)"
    say 5 "Addresses   \${now:-none yet}"
    say 6 "Running     $(cut -d. -f1 /proc/uptime) s, Linux $(uname -r)"
    printf "$e""8"
  } >/dev/tty1
  [ "$now" = "$old" ] || echo "vestibule-demo: addresses $now" >/dev/ttyS0 2>/dev/null
  old=$now
  sleep 1
done
`;

const UDHCPC = `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev $interface
ip addr add $ip/\${mask:-24} dev $interface
[ -n "$router" ] && ip route add default via \${router%% *} dev $interface
for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
`;

const PROFILE = `PS1='\\h # '
`;
