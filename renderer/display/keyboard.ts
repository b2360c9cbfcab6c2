/** The keyboard of a display: every key goes to the guest, but for the return chord. */
import { type Chord, isChord } from './address.ts';

/** Bits of `sendLocks`, as SPICE has them. */
const LOCKS = [
  ['ScrollLock', 1],
  ['NumLock', 2],
  ['CapsLock', 4],
] as const;

/** Modifier keys, and whether an event says that one of the kind is held. */
const MODIFIERS: readonly (readonly [codes: readonly string[], held: (event: Held) => boolean])[] =
  [
    [['ShiftLeft', 'ShiftRight'], (event) => event.shiftKey],
    [['ControlLeft', 'ControlRight'], (event) => event.ctrlKey],
    [['AltLeft', 'AltRight'], (event) => event.altKey || event.getModifierState('AltGraph')],
    [['MetaLeft', 'MetaRight'], (event) => event.metaKey],
  ];
type Held = Pick<KeyboardEvent, 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey' | 'getModifierState'>;

/** A physical key (`KeyboardEvent.code`) as the protocol sends it; undefined: it has no such key. */
export type KeyEncoder = (code: string, down: boolean) => number | undefined;

export interface KeyboardPort {
  /** A key as the encoder gave it; dropped while the guest is not connected. */
  sendKey(down: boolean, code: number): void;
  sendLocks(bits: number): void;
  onChord(): void;
}

export class Keyboard {
  readonly #port: KeyboardPort;
  readonly #chord: Chord;
  readonly #encode: KeyEncoder;
  readonly #pressed = new Set<string>();
  /** The guest's locks may have drifted while others had the keyboard. */
  #locksKnown = false;
  /** A dead key waits for the letter that it goes with. */
  #composing = false;

  constructor(port: KeyboardPort, chord: Chord, encode: KeyEncoder) {
    this.#port = port;
    this.#chord = chord;
    this.#encode = encode;
  }

  /** Listens until the page ends. */
  attach(target: Window): void {
    target.addEventListener('keydown', (event) => this.down(event), { capture: true });
    target.addEventListener('keyup', (event) => this.up(event), { capture: true });
    target.addEventListener('blur', () => this.releaseAll());
    target.document.addEventListener('visibilitychange', () => {
      if (target.document.hidden) this.releaseAll();
    });
  }

  down(event: KeyboardEvent): void {
    event.preventDefault();
    if (isChord(event, this.#chord)) {
      if (!event.repeat) {
        this.releaseAll();
        this.#port.onChord();
      }
      return;
    }
    const code = this.#encode(event.code, true);
    if (code === undefined) return;
    this.#syncLocks(event);
    this.#dropLostModifiers(event);
    if (this.#pressed.has(event.code) && !event.repeat) this.#release(event.code);
    this.#pressed.add(event.code);
    this.#port.sendKey(true, code);
    // X11's input methods swallow the release of a dead key, and of the key that follows it
    // without making a letter of both: neither can be held.
    const modifier = MODIFIERS.some(([codes]) => codes.includes(event.code));
    if (event.key === 'Dead' || (this.#composing && !modifier)) this.#release(event.code);
    if (!modifier) this.#composing = event.key === 'Dead';
  }

  up(event: KeyboardEvent): void {
    event.preventDefault();
    // A key that went down elsewhere is nobody's business here.
    if (this.#pressed.has(event.code)) this.#release(event.code);
  }

  /** The guest must not keep a key that is let go while another window has the keyboard. */
  releaseAll(): void {
    for (const code of [...this.#pressed]) this.#release(code);
    this.#locksKnown = false;
  }

  /** Presses and releases keys in order, as for Ctrl+Alt+Delete. */
  type(codes: readonly string[]): void {
    this.releaseAll();
    for (const code of codes) this.#port.sendKey(true, this.#encode(code, true) ?? 0);
    for (const code of [...codes].reverse())
      this.#port.sendKey(false, this.#encode(code, false) ?? 0);
  }

  /** A modifier whose release was swallowed (Shift after a dead key) ends at the next key. */
  #dropLostModifiers(event: KeyboardEvent): void {
    for (const [codes, held] of MODIFIERS) {
      if (held(event) || codes.includes(event.code)) continue;
      for (const code of codes) if (this.#pressed.has(code)) this.#release(code);
    }
  }

  #release(key: string): void {
    this.#pressed.delete(key);
    const code = this.#encode(key, false);
    if (code !== undefined) this.#port.sendKey(false, code);
  }

  #syncLocks(event: KeyboardEvent): void {
    // The press of a lock itself changes what getModifierState answers.
    if (this.#locksKnown || LOCKS.some(([name]) => name === event.code)) return;
    this.#locksKnown = true;
    this.#port.sendLocks(
      LOCKS.reduce((bits, [name, bit]) => bits | (event.getModifierState(name) ? bit : 0), 0),
    );
  }
}
