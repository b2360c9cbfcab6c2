/**
 * One RDP connection, by IronRDP. The bridge has done TLS and the sign-in and puts the person's
 * name and password in where they belong: nothing of them is here.
 */
import { Backend, displayControl, enableCredssp, init } from '@devolutions/iron-remote-desktop-rdp';
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import type { DisplayAddress } from '../address.ts';
import type { FrameSession, FrameSessionEvents } from '../frame.ts';
import { RdpInputs } from './inputs.ts';
import type { BridgeSockets } from './sockets.ts';

type Session = Awaited<ReturnType<InstanceType<typeof Backend.SessionBuilder>['connect']>>;
type Clipboard = InstanceType<typeof Backend.ClipboardData>;

/** The library wants these; the bridge goes by its own knowledge and replaces them. */
const NOBODY = { user: 'kiosk', password: 'none', destination: 'session', token: 'spent' } as const;
/** Its debug output names users. */
const LOG_LEVEL = 'ERROR';
const RESIZE_QUIET_MS = 250;
/** What MS-RDPEDISP allows; smaller ones are a frame that is being laid out. */
const MIN_SIZE = 320;
const MAX_SIZE = 8192;
/** The bridge says why it closed; a line that broke without a word is given this long. */
const LAST_WORD_MS = 2_000;
const TEXT = 'text/plain';

export class RdpSession implements FrameSession {
  inputs: RdpInputs | undefined;
  readonly #address: DisplayAddress;
  readonly #events: FrameSessionEvents;
  readonly #sockets: BridgeSockets;
  readonly #canvas = document.createElement('canvas');
  #session: Session | undefined;
  #closed = false;
  /** The size that was announced last. */
  #announced = '';
  #offered: string | undefined;
  #wanted: readonly [number, number] | undefined;
  #resizeTimer: number | undefined;

  constructor(
    address: DisplayAddress,
    screen: HTMLElement,
    events: FrameSessionEvents,
    sockets: BridgeSockets,
  ) {
    this.#address = address;
    this.#events = events;
    this.#sockets = sockets;
    const { clientWidth, clientHeight } = screen;
    const scale = window.devicePixelRatio;
    this.#canvas.width = length(clientWidth * scale);
    this.#canvas.height = length(clientHeight * scale);
    this.#canvas.tabIndex = 0;
    screen.append(this.#canvas);
    this.#watchDrawing();
    void this.#run();
  }

  resize(width: number, height: number): void {
    if (width < MIN_SIZE || height < MIN_SIZE) return;
    this.#wanted = [length(width), length(height)];
    window.clearTimeout(this.#resizeTimer);
    this.#resizeTimer = window.setTimeout(() => this.#sendSize(), RESIZE_QUIET_MS);
  }

  offerClipboard(text: string): void {
    this.#offered = text;
    this.#sendClipboard();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.inputs = undefined;
    window.clearTimeout(this.#resizeTimer);
    this.#sockets.forget(this.#address.url);
    attempt(() => this.#session?.shutdown());
  }

  discard(): void {
    this.#canvas.remove();
  }

  async #run(): Promise<void> {
    let orderly = false;
    try {
      await init(LOG_LEVEL);
      const session = await this.#builder().connect();
      if (this.#closed) {
        session.shutdown();
        return;
      }
      this.#session = session;
      this.#fit(session);
      this.inputs = new RdpInputs(session);
      this.#sendSize();
      await session.run();
      orderly = true;
    } catch {
      // The bridge knows better than the library why.
    }
    if (this.#closed) return;
    const code = await this.#lastWord(orderly);
    this.close();
    this.#events.onClosed(code);
  }

  #builder(): InstanceType<typeof Backend.SessionBuilder> {
    return new Backend.SessionBuilder()
      .proxyAddress(this.#address.url)
      .authToken(NOBODY.token)
      .destination(NOBODY.destination)
      .serverDomain('')
      .username(NOBODY.user)
      .password(NOBODY.password)
      .desktopSize(new Backend.DesktopSize(this.#canvas.width, this.#canvas.height))
      .renderCanvas(this.#canvas)
      .setCursorStyleCallbackContext(this)
      .setCursorStyleCallback((...cursor: CursorStyle) => this.#events.onCursor(css(cursor)))
      .remoteClipboardChangedCallback((data: Clipboard) => this.#copied(data))
      .forceClipboardUpdateCallback(() => this.#sendClipboard())
      .extension(displayControl(true))
      .extension(enableCredssp(false));
  }

  /** The library has no word for a picture or its size; it draws by `putImageData` alone. */
  #watchDrawing(): void {
    const context = this.#canvas.getContext('2d');
    if (context === null) return;
    const draw = context.putImageData;
    const drawn = (): void => {
      const size = `${this.#canvas.width}×${this.#canvas.height}`;
      if (this.#announced === size || this.inputs === undefined || this.#closed) return;
      this.#announced = size;
      this.#events.onPicture(this.#canvas);
    };
    context.putImageData = new Proxy(draw, {
      apply(target, self, place) {
        Reflect.apply(target, self, place);
        drawn();
      },
    });
  }

  /** The server may have chosen another size than was asked for. */
  #fit(session: Session): void {
    const { width, height } = session.desktopSize();
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
  }

  #sendSize(): void {
    if (this.#wanted === undefined || this.#closed || this.#session === undefined) return;
    const [width, height] = this.#wanted;
    if (width === this.#canvas.width && height === this.#canvas.height) return;
    attempt(() => this.#session?.resize(width, height));
  }

  #copied(data: Clipboard): void {
    const item = data.items().find((one) => one.mimeType() === TEXT);
    const text: unknown = item?.value();
    if (typeof text === 'string' && text !== '') this.#events.onClipboard(text);
  }

  #sendClipboard(): void {
    if (this.#session === undefined) return;
    const data = new Backend.ClipboardData();
    if (this.#offered !== undefined) data.addText(TEXT, this.#offered);
    this.#session.onClipboardPaste(data).catch(() => {});
  }

  /** @param orderly the server said that the session is over */
  async #lastWord(orderly: boolean): Promise<ErrorCode | null> {
    const silent = new Promise<undefined>((resolve) => {
      window.setTimeout(() => resolve(undefined), LAST_WORD_MS);
    });
    const closing = await Promise.race([this.#sockets.closed(this.#address.url), silent]);
    if (closing?.by === 'bridge') return closing.code;
    return orderly ? null : 'REMOTE_LOST';
  }
}

type CursorStyle = [kind: string, data?: string, hotspotX?: number, hotspotY?: number];

function css([kind, data, x, y]: CursorStyle): string {
  if (kind === 'hidden') return 'none';
  if (kind !== 'url' || data === undefined) return 'default';
  return `url(${data}) ${Math.round(x ?? 0)} ${Math.round(y ?? 0)}, default`;
}

/** RDP takes even widths; with a multiple of four, servers need not pad a line. */
function length(pixels: number): number {
  const whole = Math.min(MAX_SIZE, Math.max(MIN_SIZE, Math.round(pixels)));
  return whole - (whole % 4);
}

/** A session that has ended meanwhile throws at each call. */
function attempt(call: () => void): void {
  try {
    call();
  } catch {
    // It is over; its end is reported where it is waited for.
  }
}
