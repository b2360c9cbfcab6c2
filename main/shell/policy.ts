/** What holds for the UI and the display whoever wrote their pages; the same in both shells. */
import type { OriginRequest, OriginResponse, ServeOrigin } from './shell.ts';

export interface OriginPolicy {
  readonly uiOrigin: string;
  readonly displayOrigin: string;
  readonly serveUi: ServeOrigin;
  readonly serveDisplay: ServeOrigin;
}

/**
 * Answers a request of either origin, and adds the policies that the page's own headers can only
 * make stricter. A server that throws answers 500, so that the page sees a failure and not a hang.
 */
export async function serve(
  policy: OriginPolicy,
  request: OriginRequest,
  onError: (error: unknown) => void,
): Promise<OriginResponse> {
  const display = request.url.origin === policy.displayOrigin;
  try {
    const response = await (display ? policy.serveDisplay(request) : policy.serveUi(request));
    return {
      ...response,
      headers: harden(response.headers, display, policy),
      body: response.status >= 400 && !response.body?.length ? NO_TEXT : response.body,
    };
  } catch (error) {
    onError(error);
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: NO_TEXT };
  }
}

/** Without a body, a failure would not be a document at all, but the browser's own error page. */
const NO_TEXT = new TextEncoder().encode('This page could not be loaded.');

/** Whatever a page may do with its own bytes is its own policy's matter; other hosts are ours. */
const EVERYTHING_OWN = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'";

/** Lower-cases the names, and joins our Content-Security-Policy to the page's: both are enforced. */
function harden(
  headers: Readonly<Record<string, string>>,
  display: boolean,
  { uiOrigin, displayOrigin }: OriginPolicy,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) result[name.toLowerCase()] = value;
  const ours = display
    ? [
        EVERYTHING_OWN,
        // The websocket bridge of main, on whatever loopback port it got.
        "connect-src 'self' ws://127.0.0.1:*",
        `frame-ancestors ${uiOrigin}`,
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
      ].join('; ')
    : [
        EVERYTHING_OWN,
        `frame-src 'self' ${displayOrigin}`,
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
      ].join('; ');
  const theirs = result['content-security-policy'];
  result['content-security-policy'] = theirs === undefined ? ours : `${theirs}, ${ours}`;
  result['x-content-type-options'] = 'nosniff';
  result['referrer-policy'] = 'no-referrer';
  return result;
}

/** True where `host` is one of the patterns: `example.org`, or `*.example.org` for what is below. */
export function hostAllowed(host: string, patterns: readonly string[]): boolean {
  const name = host.toLowerCase();
  return patterns.some((pattern) => {
    const wanted = pattern.toLowerCase();
    return wanted.startsWith('*.') ? name.endsWith(wanted.slice(1)) : name === wanted;
  });
}

/** The page that a web session shows in place of one that it may not reach. */
export function refusalPage(title: string, text: string): OriginResponse {
  return messagePage(403, title, text);
}

/** A page of ours in place of one that cannot be shown, with a way on if there is one. */
export function messagePage(
  status: number,
  title: string,
  text: string,
  link?: { readonly url: string; readonly label: string },
): OriginResponse {
  const way = link ? `<p><a href="${escapeHtml(link.url)}">${escapeHtml(link.label)}</a></p>` : '';
  const html = `<!doctype html><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:18px/1.5 system-ui,sans-serif;max-width:36em;margin:20vh auto;padding:0 1em}</style>
<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>${way}`;
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
    },
    body: new TextEncoder().encode(html),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
