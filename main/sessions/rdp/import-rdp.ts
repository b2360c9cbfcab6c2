/**
 * `.rdp` files of Microsoft's clients, read into a target: `name:type:value` lines in UTF-16 or
 * UTF-8 (Microsoft, "Supported RDP properties"). Stored passwords are never taken over.
 */
import { KioskError } from '../../base/errors.ts';
import { RdpTarget } from './target.ts';

const MAX_BYTES = 256 * 1024;
const DEFAULT_PORT = 3389;
const GATEWAY_PORT = 443;

export interface ImportedRdp {
  readonly target: RdpTarget;
  /** Properties that ask for something that Vestibule does not do, by name. */
  readonly ignored: readonly string[];
}

/** Properties that ask for more than a target says, when their value is not one of these. */
const WITHOUT_COUNTERPART: Readonly<Record<string, readonly string[]>> = {
  remoteapplicationmode: ['0'],
  redirectsmartcards: ['0'],
  redirectcomports: ['0'],
  redirectwebauthn: ['0'],
  usbdevicestoredirect: [''],
  camerastoredirect: [''],
  drivestoredirect: [''],
  devicestoredirect: [''],
  'alternate shell': [''],
  'password 51': [''],
  'selected monitors': [''],
  kdcproxyname: [''],
};

/**
 * @throws KioskError `REMOTE_NEGOTIATION_FAILED` for what is no connection file
 */
export function importRdpFile(bytes: Uint8Array): ImportedRdp {
  if (bytes.length > MAX_BYTES) throw unusable('it is too large');
  const properties = readProperties(decode(bytes));
  const address = properties.get('full address') ?? properties.get('alternate full address');
  if (address === undefined) throw unusable('it names no computer');
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = properties.get(name);
    return value === undefined || value === '' ? otherwise : value !== '0';
  };
  const text = (name: string): string | undefined => properties.get(name) || undefined;
  const parsed = RdpTarget.safeParse({
    hosts: [readAddress(address, properties.get('server port'))],
    security: flag('enablecredsspsupport', true) ? 'auto' : 'tls',
    user: text('username'),
    domain: text('domain'),
    loadBalanceInfo: text('loadbalanceinfo'),
    gateway: gatewayOf(text('gatewayhostname'), properties.get('gatewayusagemethod')),
    credentials: flag('prompt for credentials', false) ? 'server' : 'sign-on',
    clipboard: flag('redirectclipboard', true),
    printers: flag('redirectprinters', false),
    microphone: flag('audiocapturemode', false),
    resize: flag('dynamic resolution', true),
    monitors: flag('use multimon', false) ? 'all' : 'one',
    sound: (['here', 'server', 'off'] as const)[Number(properties.get('audiomode') ?? 0)],
    network: networkOf(properties.get('connection type')),
  });
  if (!parsed.success) {
    throw unusable(parsed.error.issues.map(({ path }) => path.join('.')).join(', '));
  }
  const ignored = Object.entries(WITHOUT_COUNTERPART)
    .filter(([name, harmless]) => !harmless.includes(properties.get(name) ?? harmless[0] ?? ''))
    .map(([name]) => name);
  return { target: parsed.data, ignored };
}

/** Microsoft's editor writes UTF-16 with a byte order mark; others write UTF-8. */
function decode(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

function readProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([^:]+):([sib]):(.*)$/i.exec(line);
    if (match) properties.set((match[1] ?? '').trim().toLowerCase(), (match[3] ?? '').trim());
  }
  return properties;
}

/** `host`, `host:port`, `[v6]:port`, or a bare IPv6 address. */
function readAddress(address: string, serverPort: string | undefined): object {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address);
  const port = Number(match?.[3] ?? serverPort ?? DEFAULT_PORT);
  return { host: match?.[1] ?? match?.[2] ?? address, port };
}

/** 0 never, 1 always, 2 when the host does not answer, 3 and 4 as the system's settings say. */
function gatewayOf(name: string | undefined, usage: string | undefined): object | undefined {
  if (name === undefined || usage === '0' || usage === '4') return undefined;
  return readAddress(name, String(GATEWAY_PORT));
}

/** 1 modem, 2 to 4 slow or distant, 5 wide area, 6 local network, 7 detect. */
function networkOf(type: string | undefined): string | undefined {
  const known: Readonly<Record<string, string>> = {
    1: 'modem',
    2: 'wan',
    3: 'wan',
    4: 'wan',
    5: 'wan',
    6: 'lan',
    7: 'auto',
  };
  return known[type ?? ''];
}

function unusable(why: string): KioskError {
  return new KioskError('REMOTE_NEGOTIATION_FAILED', `The .rdp file is unusable: ${why}.`);
}
