/**
 * What boot loaders of the network read. Each looks for a computer's own file first, then for the
 * default, in PXELINUX's order: UUID, MAC, IPv4 address (syslinux doc/pxelinux.txt).
 */

interface Host {
  readonly kind: 'mac' | 'uuid' | 'ip';
  /** Lower case; a MAC with colons. */
  readonly id: string;
  /** Added to the command line. */
  readonly options: string;
}

interface BootOptions {
  /** Base URLs of boot servers. Empty: the initrd asks DHCP (initrd/fetch.sh, `servers`). */
  readonly servers: readonly string[];
  /** Added to every command line. */
  readonly options: string;
  readonly hosts: readonly Host[];
}

/** Hides the kernel's text, and starts again after a panic. */
const QUIET = 'quiet loglevel=3 vt.global_cursor_default=0 panic=30';
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
/** What a command line may hold without a meaning to PXELINUX, iPXE or GRUB. */
const OPTIONS = /^[\w .,:/=@%+~-]*$/;

/**
 * Reads a hosts file: lines `MAC|UUID|IPv4 options…`; `#` starts a comment.
 *
 * @throws Error that names the line
 */
export function parseHosts(text: string): Host[] {
  const hosts: Host[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const [name = '', ...options] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (name === '') continue;
    const id = name.toLowerCase();
    const kind = MAC.test(id) ? 'mac' : UUID.test(id) ? 'uuid' : IPV4.test(id) ? 'ip' : undefined;
    if (kind === undefined)
      throw new Error(`line ${index + 1}: "${name}" is neither a MAC, nor a UUID, nor an address`);
    hosts.push({ kind, id, options: checkedOptions(options.join(' '), `line ${index + 1}`) });
  }
  return hosts;
}

/** @throws Error for characters that a boot loader would take for its own */
export function checkedOptions(options: string, where: string): string {
  if (!OPTIONS.test(options))
    throw new Error(`${where}: "${options}" has characters that boot loaders interpret`);
  return options;
}

/** The command line, without what a loader adds. Sealed in the unified kernel image as it is. */
export function commandLine(boot: Pick<BootOptions, 'servers' | 'options'>): string {
  const servers = boot.servers.length > 0 ? `vestibule.boot.servers=${boot.servers.join(',')}` : '';
  return [QUIET, servers, boot.options].filter(Boolean).join(' ');
}

/** All files, by path below the folder that TFTP and HTTP serve. */
export function bootConfigurations(boot: BootOptions): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const base = commandLine(boot);
  files.set('pxelinux.cfg/default', pxelinux(base));
  files.set('ipxe.cfg/default', ipxe(base));
  files.set('grub.cfg/default', grub(base));
  for (const host of boot.hosts) {
    const line = [base, host.options].filter(Boolean).join(' ');
    files.set(`pxelinux.cfg/${pxelinuxName(host)}`, pxelinux(line));
    files.set(`ipxe.cfg/${host.kind}-${host.id.replaceAll(':', '-')}`, ipxe(line));
    files.set(`grub.cfg/${host.kind}-${host.id}`, grub(line));
  }
  files.set('boot.ipxe', IPXE_START);
  // Where Debian's signed network GRUB looks: its prefix is /grub, or /EFI/debian for some builds.
  files.set('grub/grub.cfg', GRUB_START);
  return files;
}

function pxelinuxName(host: Host): string {
  if (host.kind === 'mac') return `01-${host.id.replaceAll(':', '-')}`;
  if (host.kind === 'uuid') return host.id;
  const bytes = host.id.split('.').map(Number);
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

/** PROMPT 0 and NOESCAPE: nobody types at the loader. IPAPPEND 2 gives BOOTIF. */
function pxelinux(line: string): string {
  return `DEFAULT vestibule
PROMPT 0
NOESCAPE 1
ALLOWOPTIONS 0
TIMEOUT 1
LABEL vestibule
  KERNEL vmlinuz
  INITRD initrd.img
  IPAPPEND 2
  APPEND ${line}
`;
}

/** iPXE resolves names below the URL of the script. */
function ipxe(line: string): string {
  return `#!ipxe
kernel ../vmlinuz initrd=initrd.img BOOTIF=01-\${netX/mac:hexhyp} ${line}
initrd --name initrd.img ../initrd.img
boot
`;
}

/** `&&` and `||` of iPXE have no precedence: one host file that is there boots or fails. */
const IPXE_START = `#!ipxe
chain ipxe.cfg/uuid-\${uuid} ||
chain ipxe.cfg/mac-\${netX/mac:hexhyp} ||
chain ipxe.cfg/ip-\${netX/ip} ||
chain ipxe.cfg/default || goto failed
:failed
echo The boot files did not load. Trying again.
sleep 10
goto again
:again
chain boot.ipxe || goto failed
`;

function grub(line: string): string {
  return `linux $base/vmlinuz BOOTIF=01-$net_default_mac ${line}
initrd $base/initrd.img
boot
`;
}

/**
 * $cmdpath is the folder that GRUB itself came from: (tftp,…)/… or (http,…)/… A file that is not
 * there is an error that GRUB prints and goes on from; `-f` sees no file on a network.
 */
const GRUB_START = `set timeout=0
set base=$cmdpath
smbios --type 1 --get-uuid 8 --set uuid
for name in uuid-$uuid mac-$net_default_mac ip-$net_default_ip default; do
  source $base/grub.cfg/$name
done
echo "The boot files did not load. Trying again."
sleep 10
reboot
`;
