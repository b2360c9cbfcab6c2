/** Keys and pointer as IronRDP takes them. */
import { Backend } from '@devolutions/iron-remote-desktop-rdp';
import type { FrameInputs } from '../frame.ts';

type Session = Awaited<ReturnType<InstanceType<typeof Backend.SessionBuilder>['connect']>>;
type DeviceEvent = ReturnType<typeof Backend.DeviceEvent.keyPressed>;

/** From the pointer's buttons (left, middle, right, …, side, extra) to those of `MouseEvent.button`. */
const BUTTONS: Readonly<Record<number, number>> = { 1: 0, 2: 1, 3: 2, 6: 3, 7: 4 };
const WHEEL = { up: 4, down: 5 } as const;
/** One notch (MS-RDPBCGR 2.2.8.1.1.3.1.1.3). */
const NOTCH = 120;
const PIXEL = 0;
const LOCK = { scroll: 1, number: 2, capitals: 4 } as const;

export class RdpInputs implements FrameInputs {
  readonly absolute = true;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  sendKey(down: boolean, code: number): void {
    const { keyPressed, keyReleased } = Backend.DeviceEvent;
    this.#send(down ? keyPressed(code) : keyReleased(code));
  }

  sendLocks(bits: number): void {
    const on = (bit: number): boolean => (bits & bit) !== 0;
    this.#session.synchronizeLockKeys(on(LOCK.scroll), on(LOCK.number), on(LOCK.capitals), false);
  }

  sendPosition(x: number, y: number): void {
    this.#send(Backend.DeviceEvent.mouseMove(x, y));
  }

  sendMotion(): void {
    // RDP takes positions.
  }

  sendButton(down: boolean, button: number): void {
    const { mouseButtonPressed, mouseButtonReleased, wheelRotations } = Backend.DeviceEvent;
    if (button === WHEEL.up || button === WHEEL.down) {
      if (down) this.#send(wheelRotations(true, button === WHEEL.up ? NOTCH : -NOTCH, PIXEL));
      return;
    }
    const number = BUTTONS[button];
    if (number === undefined) return;
    this.#send(down ? mouseButtonPressed(number) : mouseButtonReleased(number));
  }

  #send(event: DeviceEvent): void {
    const transaction = new Backend.InputTransaction();
    transaction.addEvent(event);
    this.#session.applyInputs(transaction);
  }
}
