/**
 * virt-viewer's connection files (`.vv`), as oVirt and Proxmox hand them out: read into a target,
 * and written for `remote-viewer`'s standard input.
 */
import { KioskError } from '../../base/errors.ts';
import type { SpiceConnection } from './connection.ts';
import { SpiceTarget } from './target.ts';

const MAX_LENGTH = 128 * 1024;

/**
 * @throws KioskError `REMOTE_NEGOTIATION_FAILED` for what is no SPICE connection file
 */
export function parseVvFile(text: string): SpiceTarget {
  if (text.length > MAX_LENGTH) throw unusable('it is too large');
  const group = readGroup(text, 'virt-viewer');
  const type = group.get('type');
  if (type !== 'spice') throw unusable(`its type is ${type ?? 'missing'}, not spice`);
  const number = (key: string): number | undefined => {
    const value = group.get(key);
    // oVirt writes -1 and Proxmox 0 for a port that there is not.
    return value === undefined || Number(value) <= 0 ? undefined : Number(value);
  };
  const parsed = SpiceTarget.safeParse({
    host: group.get('host'),
    port: number('port'),
    tlsPort: number('tls-port'),
    ca: group.get('ca'),
    hostSubject: group.get('host-subject'),
    proxy: group.get('proxy'),
    password: group.get('password') ?? '',
  });
  if (!parsed.success) {
    throw unusable(
      parsed.error.issues.map((issue) => issue.path.join('.') || issue.message).join(),
    );
  }
  return parsed.data;
}

/** True for a text that wants to be a .vv file. */
export function looksLikeVvFile(text: string): boolean {
  return /^\s*\[virt-viewer\]/m.test(text);
}

/** The file that makes `remote-viewer` connect. With both ports the plain one would win. */
export function writeVvFile(connection: SpiceConnection, title: string): string {
  const { endpoint, password } = connection;
  const lines: [string, string | number | undefined][] = [
    ['type', 'spice'],
    ['title', title],
    ['password', password],
  ];
  if (endpoint.type === 'unix') lines.push(['unix-path', endpoint.path]);
  else {
    lines.push(['host', endpoint.host]);
    lines.push([endpoint.type === 'tls' ? 'tls-port' : 'port', endpoint.port]);
    if (endpoint.proxy) {
      lines.push(['proxy', `http://${endpoint.proxy.host}:${endpoint.proxy.port}`]);
    }
    if (endpoint.type === 'tls') {
      lines.push(['ca', endpoint.ca], ['host-subject', endpoint.hostSubject]);
    }
  }
  const body = lines
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeValue(String(value))}`);
  return `[virt-viewer]\n${body.join('\n')}\n`;
}

/** GLib key files: groups, `key=value`, `#` comments; \s \t \r \n \\ in values. */
function readGroup(text: string, wanted: string): Map<string, string> {
  const values = new Map<string, string>();
  let group = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[(.+)\]\s*$/.exec(line);
    if (header) group = header[1] ?? '';
    const entry = /^([\w-]+)\s*=\s*(.*)$/.exec(line);
    if (entry?.[1] !== undefined && group === wanted && !line.startsWith('#')) {
      values.set(entry[1], unescapeValue(entry[2] ?? ''));
    }
  }
  return values;
}

const ESCAPES: Readonly<Record<string, string>> = { s: ' ', t: '\t', r: '\r', n: '\n', '\\': '\\' };

function unescapeValue(value: string): string {
  return value.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole);
}

function escapeValue(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replace(/^ /, '\\s');
}

function unusable(why: string): KioskError {
  return new KioskError('REMOTE_NEGOTIATION_FAILED', `The connection file is unusable: ${why}.`);
}
