/**
 * The strip at the top of a web session: what this is, and how to leave it. It lives in a closed
 * shadow tree of an isolated world and in the browser's top layer, so that a page can neither
 * read it, nor press it, nor cover it; a page that removes it finds it put back.
 */
export interface StripOptions {
  readonly title: string;
  readonly backLabel: string;
  onBack(): void;
}

const STYLE = `
:host { all: initial !important; position: fixed !important; inset: 0 0 auto 0 !important;
  display: block !important; margin: 0 auto !important; width: max-content !important;
  max-width: 100vw !important; border: 0 !important; padding: 0 !important;
  background: transparent !important; overflow: visible !important; }
div { display: flex; gap: 12px; align-items: center; padding: 4px 6px 4px 16px;
  background: #0f172a; color: #f8fafc; font: 15px/1.2 system-ui, sans-serif;
  border-radius: 0 0 10px 10px; box-shadow: 0 1px 6px #0008; }
span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 40vw; }
button { all: unset; cursor: pointer; padding: 5px 12px; border-radius: 7px;
  background: #f8fafc; color: #0f172a; font-weight: 600; white-space: nowrap; }
button:focus-visible { outline: 3px solid #7dd3fc; }
@media print { :host { display: none !important; } }
`;

export function installStrip(options: StripOptions): void {
  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  // Constructed sheets are outside the page's Content-Security-Policy.
  root.adoptedStyleSheets = [sheet];
  const bar = document.createElement('div');
  bar.setAttribute('role', 'toolbar');
  const title = document.createElement('span');
  title.textContent = options.title;
  const back = document.createElement('button');
  back.type = 'button';
  back.textContent = options.backLabel;
  back.addEventListener('click', (event) => {
    if (event.isTrusted) options.onBack();
  });
  bar.append(title, back);
  root.append(bar);

  const place = (): void => {
    const parent = document.documentElement;
    if (!parent || (host.parentNode === parent && isOpen(host))) return;
    if (host.parentNode !== parent) parent.append(host);
    host.popover = 'manual';
    if (!isOpen(host)) host.showPopover();
  };
  new MutationObserver(place).observe(document, { childList: true, subtree: true });
  host.addEventListener('toggle', place);
  addEventListener('fullscreenchange', () => {
    // An element that goes full screen is above older entries of the top layer.
    if (isOpen(host)) host.hidePopover();
    place();
  });
  place();
}

function isOpen(host: HTMLElement): boolean {
  return host.matches(':popover-open');
}
