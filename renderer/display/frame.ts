/** The display frame: a session's picture, its input, and a few words with the page around it. */
import type { ErrorCode } from '../../preload/contract/errors.ts';
import { type DisplayAddress, parseAddress } from './address.ts';
import { Keyboard, type KeyboardPort, type KeyEncoder } from './keyboard.ts';
import { Pointer, type PointerPort } from './pointer.ts';
import { type FrameMessage, parsePageMessage } from './protocol.ts';
import './style.css';

/** After these the same connection cannot come back: somebody must act first. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'REMOTE_CERTIFICATE',
  'REMOTE_CERTIFICATE_CHANGED',
  'REMOTE_CREDENTIALS_WRONG',
  'REMOTE_NEGOTIATION_FAILED',
  'DISPLAY_TOKEN_REFUSED',
]);
/** Tries to come back after a loss, and the pause before each further one. */
const MAX_ATTEMPTS = 10;
const PAUSE_MS = 500;
const MAX_PAUSE_MS = 8_000;

/** What a person does, in the coordinates and codes of the session's protocol. */
export interface FrameInputs extends Omit<PointerPort, 'absolute'>, Omit<KeyboardPort, 'onChord'> {
  /** It takes positions; else movements. */
  readonly absolute: boolean;
}

export interface FrameSessionEvents {
  /** The picture is drawn and takes input. */
  onPicture(canvas: HTMLCanvasElement): void;
  /** Over; null: the kiosk or the server ended it. */
  onClosed(code: ErrorCode | null): void;
  onClipboard(text: string): void;
  onCursor(css: string): void;
}

/** One connection, from its first byte to its end, and the canvas that it draws on. */
export interface FrameSession {
  /** Undefined while it takes no input. */
  readonly inputs: FrameInputs | undefined;
  /** Asks for a picture of this size; the server may keep its own. */
  resize(width: number, height: number): void;
  offerClipboard(text: string): void;
  /** The last picture stays until {@link discard}. */
  close(): void;
  discard(): void;
}

export type OpenSession = (
  address: DisplayAddress,
  screen: HTMLElement,
  events: FrameSessionEvents,
) => FrameSession;

/** Starts the frame whose page this is; does nothing on an address that is not one of main's. */
export function startFrame(open: OpenSession, encode: KeyEncoder): void {
  const screen = document.getElementById('screen');
  const address = parseAddress(window.location.href);
  // The token is spent at once; it need not stay in the address either.
  window.history.replaceState(null, '', window.location.pathname);
  if (screen !== null && address !== undefined) new DisplayFrame(address, screen, open, encode);
}

class DisplayFrame {
  readonly #open: OpenSession;
  readonly #screen: HTMLElement;
  readonly #parent: string;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  #session: FrameSession | undefined;
  /** The last picture of a broken connection, shown greyed until a new one is drawn. */
  #stale: FrameSession | undefined;
  readonly #attached = new WeakSet<HTMLCanvasElement>();
  #attempts = 0;
  #label = 'Remote screen';
  #clipboard: string | undefined;

  readonly #options: Pick<DisplayAddress, 'clipboard' | 'resize'>;

  constructor(address: DisplayAddress, screen: HTMLElement, open: OpenSession, encode: KeyEncoder) {
    this.#open = open;
    this.#options = address;
    this.#screen = screen;
    this.#parent = address.parent;
    this.#keyboard = new Keyboard(
      {
        sendKey: (down, code) => this.#session?.inputs?.sendKey(down, code),
        sendLocks: (bits) => this.#session?.inputs?.sendLocks(bits),
        onChord: () => this.#tell({ type: 'chord' }),
      },
      address.chord,
      encode,
    );
    this.#pointer = new Pointer({
      absolute: () => this.#session?.inputs?.absolute ?? true,
      sendPosition: (x, y, buttons) => this.#session?.inputs?.sendPosition(x, y, buttons),
      sendMotion: (dx, dy, buttons) => this.#session?.inputs?.sendMotion(dx, dy, buttons),
      sendButton: (down, button, buttons) =>
        this.#session?.inputs?.sendButton(down, button, buttons),
    });
    this.#keyboard.attach(window);
    window.addEventListener('focus', () => this.#focus());
    window.addEventListener('message', (event) => this.#hear(event));
    new ResizeObserver(() => this.#askForSize()).observe(screen);
    // Sound may start by itself in the kiosk's shell; elsewhere browsers wait for a gesture.
    for (const gesture of ['pointerdown', 'keydown']) {
      window.addEventListener(gesture, () => this.#startSound(), { capture: true });
    }
    this.connect(address);
  }

  connect(address: DisplayAddress): void {
    if (this.#session !== undefined) {
      this.#session.close();
      this.#stale?.discard();
      this.#stale = this.#session;
    }
    const session = this.#open(address, this.#screen, {
      onPicture: (canvas) => this.#drawn(session, canvas),
      onClosed: (code) => {
        if (this.#session === session) this.#closed(code);
      },
      onClipboard: (text) => this.#copied(text),
      onCursor: (css) => {
        this.#screen.style.cursor = css;
      },
    });
    this.#session = session;
    this.#askForSize();
    if (this.#clipboard !== undefined) session.offerClipboard(this.#clipboard);
  }

  #drawn(session: FrameSession, canvas: HTMLCanvasElement): void {
    if (this.#session !== session) return;
    this.#attempts = 0;
    this.#stale?.discard();
    this.#stale = undefined;
    this.#screen.classList.remove('lost');
    canvas.setAttribute('role', 'application');
    canvas.setAttribute('aria-label', this.#label);
    // The same canvas is announced again when its size has changed.
    if (!this.#attached.has(canvas)) this.#pointer.attach(canvas);
    this.#attached.add(canvas);
    if (document.hasFocus()) canvas.focus();
    this.#tell({ type: 'ready', width: canvas.width, height: canvas.height });
  }

  #closed(code: ErrorCode | null): void {
    this.#screen.classList.add('lost');
    this.#screen.style.cursor = 'default';
    if (code === null || FINAL.has(code) || this.#attempts >= MAX_ATTEMPTS) {
      this.#tell({ type: 'ended', code });
      return;
    }
    // The first try is at once: a server that restarts its picture is back already.
    const pause = this.#attempts === 0 ? 0 : Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** this.#attempts);
    this.#attempts++;
    window.setTimeout(() => this.#tell({ type: 'lost', code }), pause);
  }

  #hear(event: MessageEvent): void {
    if (event.origin !== this.#parent || event.source !== window.parent) return;
    const message = parsePageMessage(event.data);
    switch (message?.type) {
      case 'connect': {
        const address = parseAddress(message.url);
        if (address !== undefined && address.parent === this.#parent) this.connect(address);
        return;
      }
      case 'focus':
        window.focus();
        this.#focus();
        return;
      case 'label':
        this.#label = message.text;
        this.#canvas()?.setAttribute('aria-label', message.text);
        return;
      case 'clipboard':
        if (!this.#options.clipboard) return;
        this.#clipboard = message.text;
        this.#session?.offerClipboard(message.text);
        return;
      case 'ctrl-alt-delete':
        this.#keyboard.type(['ControlLeft', 'AltLeft', 'Delete']);
        return;
      default:
        return;
    }
  }

  #copied(text: string): void {
    if (!this.#options.clipboard) return;
    this.#clipboard = text;
    this.#tell({ type: 'clipboard', text });
  }

  #focus(): void {
    this.#canvas()?.focus();
  }

  #canvas(): HTMLCanvasElement | null {
    return this.#screen.querySelector('canvas:last-of-type');
  }

  #askForSize(): void {
    const { clientWidth, clientHeight } = this.#screen;
    const scale = window.devicePixelRatio;
    if (!this.#options.resize) return;
    this.#session?.resize(Math.round(clientWidth * scale), Math.round(clientHeight * scale));
  }

  #startSound(): void {
    for (const sound of this.#screen.querySelectorAll('audio')) {
      if (sound.paused) void sound.play().catch(() => {});
    }
  }

  #tell(message: FrameMessage): void {
    window.parent.postMessage(message, this.#parent);
  }
}
