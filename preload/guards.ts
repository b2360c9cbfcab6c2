/**
 * What every document of the kiosk gets before its own scripts run, in a world that the document
 * cannot reach: the way back to the tiles, and no way into the browser around it.
 */
export interface GuardOptions {
  /** `KeyboardEvent.code` of the return chord, pressed with Ctrl and Alt. */
  readonly chordCode: string;
  /** Files may be dropped onto the page. */
  readonly drops: boolean;
  /** The person may reload the page and search in it (web sessions). */
  readonly browsing: boolean;
  onChord(): void;
}

/** Editing, selecting, zooming: what a person expects of any text. With Ctrl, or Ctrl and Shift. */
const EDITING = new Set(
  (
    'KeyA KeyC KeyV KeyX KeyY KeyZ Backspace Delete Insert Enter Home End Space ' +
    'ArrowLeft ArrowRight ArrowUp ArrowDown ' +
    'Equal Minus Digit0 NumpadAdd NumpadSubtract Numpad0 ControlLeft ControlRight ShiftLeft ShiftRight'
  ).split(' '),
);
const BROWSING = new Set(['KeyR', 'KeyF', 'KeyG']);
const HISTORY = new Set(['ArrowLeft', 'ArrowRight', 'Home']);

/**
 * Installs the listeners. They run first (capture, on the window, before any page script), and
 * they only take away the browser's own reaction to a key: the page still gets it, because a
 * machine's display needs Ctrl+W and F11 as much as any other key.
 */
export function installGuards(options: GuardOptions): void {
  const capture = { capture: true };
  addEventListener(
    'keydown',
    (event) => {
      // A script's events are not the person.
      if (!event.isTrusted) return;
      if (event.code === options.chordCode && event.ctrlKey && event.altKey) {
        event.preventDefault();
        event.stopImmediatePropagation();
        options.onChord();
      } else if (isBrowserKey(event, options.browsing)) event.preventDefault();
    },
    capture,
  );
  addEventListener('contextmenu', (event) => event.preventDefault(), capture);
  addEventListener(
    'dragstart',
    (event) => {
      const source = event.target instanceof Element ? event.target : null;
      // What the page made draggable is part of it; links, images and text would leave it.
      if (!source?.closest('[draggable="true"]')) event.preventDefault();
    },
    capture,
  );
  const refuseFiles = (event: DragEvent): void => {
    if (!options.drops && event.dataTransfer?.types.includes('Files')) event.preventDefault();
  };
  addEventListener('dragover', refuseFiles, capture);
  addEventListener('drop', refuseFiles, capture);
}

/** True for keys that the browser itself would act on. */
function isBrowserKey(event: KeyboardEvent, browsing: boolean): boolean {
  if (event.getModifierState('AltGraph')) return false;
  if (/^F\d{1,2}$/.test(event.code)) return !(browsing && event.code === 'F5');
  if (event.ctrlKey || event.metaKey) {
    return !EDITING.has(event.code) && !(browsing && BROWSING.has(event.code));
  }
  if (event.altKey) {
    return HISTORY.has(event.code) || /^Key[A-Z]$/.test(event.code);
  }
  return false;
}
