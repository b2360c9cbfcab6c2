/** The frame's own address: everything that it needs is in the fragment, which no request carries. */

export interface DisplayAddress {
  /** The bridge's WebSocket, with the one-time token of the main channel. */
  readonly url: string;
  /** The bridge's WebSocket for another token. */
  channel(token: string): string;
  /** Origin of the page around the frame. */
  readonly parent: string;
  readonly chord: Chord;
  /** Copied text may pass, both ways. */
  readonly clipboard: boolean;
  /** The picture follows the frame's size. */
  readonly resize: boolean;
}

/** A key with its modifiers, such as Ctrl+Alt+Home. */
export interface Chord {
  readonly control: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly meta: boolean;
  /** `KeyboardEvent.code` */
  readonly code: string;
}

/** Undefined for an address that is not one of main's. */
export function parseAddress(href: string): DisplayAddress | undefined {
  if (!URL.canParse(href)) return undefined;
  const values = new URLSearchParams(new URL(href).hash.slice(1));
  const bridge = values.get('bridge') ?? '';
  const token = values.get('token') ?? '';
  const parent = values.get('parent') ?? '';
  const chord = parseChord(values.get('chord') ?? '');
  if (!/^127\.0\.0\.1:\d{1,5}$/.test(bridge) || !isToken(token)) return undefined;
  if (!URL.canParse(parent) || new URL(parent).origin !== parent || !chord) return undefined;
  const name = /^\/(spice|rdp)\.html$/.exec(new URL(href).pathname)?.[1];
  if (name === undefined) return undefined;
  const channel = (other: string): string => `ws://${bridge}/${name}/${other}`;
  const on = (option: string): boolean => values.get(option) !== 'off';
  return {
    url: channel(token),
    channel,
    parent,
    chord,
    clipboard: on('clipboard'),
    resize: on('resize'),
  };
}

export function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{43}$/.test(value);
}

/** From the notation that people see: `Ctrl+Alt+Home`, `Ctrl+Alt+F12`, `Meta+K`. */
export function parseChord(text: string): Chord | undefined {
  const words = text.split('+');
  const key = words.pop() ?? '';
  const modifiers = new Set(words.map((word) => word.toLowerCase()));
  const known = ['ctrl', 'alt', 'shift', 'meta'];
  if (key === '' || modifiers.size === 0) return undefined;
  if ([...modifiers].some((word) => !known.includes(word))) return undefined;
  return {
    control: modifiers.has('ctrl'),
    alt: modifiers.has('alt'),
    shift: modifiers.has('shift'),
    meta: modifiers.has('meta'),
    code: /^[A-Z]$/i.test(key) ? `Key${key.toUpperCase()}` : /^\d$/.test(key) ? `Digit${key}` : key,
  };
}

export function isChord(event: KeyboardEvent, chord: Chord): boolean {
  return (
    event.code === chord.code &&
    event.ctrlKey === chord.control &&
    event.altKey === chord.alt &&
    event.shiftKey === chord.shift &&
    event.metaKey === chord.meta
  );
}
