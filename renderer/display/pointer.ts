/** The pointer of a display: positions in guest pixels, whatever size the picture is drawn at. */

const BUTTON = { left: 1, middle: 2, right: 3, up: 4, down: 5, side: 6, extra: 7 } as const;
/** By `MouseEvent.button`. */
const BUTTONS = [BUTTON.left, BUTTON.middle, BUTTON.right, BUTTON.side, BUTTON.extra] as const;
/** `MouseEvent.buttons` bits, in the order of SPICE's mask bits. */
const MASK = [
  [1, 1 << 0],
  [4, 1 << 1],
  [2, 1 << 2],
  [8, 1 << 5],
  [16, 1 << 6],
] as const;
/** CSS pixels that stand for one notch of a wheel. */
const NOTCH = 100;
/** More at once than a person can turn. */
const MAX_NOTCHES = 10;

export interface PointerPort {
  /** True where the guest takes positions; else it takes movements. */
  absolute(): boolean;
  sendPosition(x: number, y: number, buttons: number): void;
  sendMotion(dx: number, dy: number, buttons: number): void;
  sendButton(down: boolean, button: number, buttons: number): void;
}

export class Pointer {
  readonly #port: PointerPort;
  #wheel = 0;

  constructor(port: PointerPort) {
    this.#port = port;
  }

  attach(canvas: HTMLCanvasElement): void {
    canvas.addEventListener('pointermove', (event) => {
      this.#move(canvas, event);
      event.preventDefault();
    });
    canvas.addEventListener('pointerdown', (event) => {
      canvas.focus();
      // A drag that leaves the frame stays the guest's until the button is up.
      canvas.setPointerCapture(event.pointerId);
    });
    // Mouse events, for each button: pointer events report only the first and the last.
    canvas.addEventListener('mousedown', (event) => this.#button(canvas, event, true));
    canvas.addEventListener('mouseup', (event) => this.#button(canvas, event, false));
    canvas.addEventListener('wheel', (event) => this.#turn(event), { passive: false });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  #move(canvas: HTMLCanvasElement, event: MouseEvent): void {
    const buttons = mask(event.buttons);
    if (this.#port.absolute()) {
      const [x, y] = guestPosition(canvas, event);
      this.#port.sendPosition(x, y, buttons);
    } else if (event.movementX !== 0 || event.movementY !== 0) {
      this.#port.sendMotion(event.movementX, event.movementY, buttons);
    }
  }

  #button(canvas: HTMLCanvasElement, event: MouseEvent, down: boolean): void {
    event.preventDefault();
    const button = BUTTONS[event.button];
    if (button === undefined) return;
    if (this.#port.absolute()) this.#move(canvas, event);
    else if (down && document.pointerLockElement !== canvas) {
      // Movements end at the frame's edge without the lock; refused, the rest still works.
      Promise.resolve(canvas.requestPointerLock()).catch(() => {});
    }
    this.#port.sendButton(down, button, mask(event.buttons));
  }

  #turn(event: WheelEvent): void {
    event.preventDefault();
    const delta = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 40;
    if (Math.sign(delta) !== Math.sign(this.#wheel)) this.#wheel = 0;
    this.#wheel += delta;
    // A mouse's notch differs by system (53 to 120 pixels); at least one for each of its events.
    const wholeNotch = Math.abs(delta) >= NOTCH / 2 && Math.abs(this.#wheel) < NOTCH;
    const notches = wholeNotch ? Math.sign(delta) : Math.trunc(this.#wheel / NOTCH);
    if (notches === 0) return;
    this.#wheel = wholeNotch ? 0 : this.#wheel - notches * NOTCH;
    const button = notches < 0 ? BUTTON.up : BUTTON.down;
    for (let count = Math.min(Math.abs(notches), MAX_NOTCHES); count > 0; count--) {
      this.#port.sendButton(true, button, mask(event.buttons));
      this.#port.sendButton(false, button, mask(event.buttons));
    }
  }
}

/** Where the event lies in the guest's picture, kept inside it. */
function guestPosition(canvas: HTMLCanvasElement, event: MouseEvent): [number, number] {
  const box = canvas.getBoundingClientRect();
  const place = (offset: number, shown: number, size: number): number =>
    Math.max(0, Math.min(size - 1, Math.floor((offset * size) / Math.max(1, shown))));
  return [
    place(event.clientX - box.left, box.width, canvas.width),
    place(event.clientY - box.top, box.height, canvas.height),
  ];
}

function mask(buttons: number): number {
  return MASK.reduce((bits, [dom, spice]) => bits | ((buttons & dom) !== 0 ? spice : 0), 0);
}
