/** A `Set-Cookie` line (RFC 6265, 5.2) in Electron's words. */
import type { CookiesSetDetails } from 'electron';

const SAME_SITE: ReadonlyMap<string, 'no_restriction' | 'lax' | 'strict'> = new Map([
  ['none', 'no_restriction'],
  ['lax', 'lax'],
  ['strict', 'strict'],
]);

/**
 * @param now milliseconds since 1970
 * @returns undefined where the line names no cookie
 */
export function parseSetCookie(
  line: string,
  url: string,
  now = Date.now(),
): CookiesSetDetails | undefined {
  const [pair = '', ...attributes] = line.split(';');
  const equals = pair.indexOf('=');
  const name = pair.slice(0, equals).trim();
  if (equals < 1 || name === '') return undefined;
  const cookie: CookiesSetDetails = { url, name, value: pair.slice(equals + 1).trim() };
  let maxAge: number | undefined;
  for (const attribute of attributes) {
    const [key = '', ...rest] = attribute.split('=');
    const value = rest.join('=').trim();
    switch (key.trim().toLowerCase()) {
      case 'domain':
        if (value !== '') cookie.domain = value;
        break;
      case 'path':
        if (value.startsWith('/')) cookie.path = value;
        break;
      case 'secure':
        cookie.secure = true;
        break;
      case 'httponly':
        cookie.httpOnly = true;
        break;
      case 'samesite':
        cookie.sameSite = SAME_SITE.get(value.toLowerCase()) ?? 'unspecified';
        break;
      case 'expires':
        if (!Number.isNaN(Date.parse(value))) cookie.expirationDate = Date.parse(value) / 1000;
        break;
      case 'max-age':
        if (/^-?\d+$/.test(value)) maxAge = Number(value);
        break;
    }
  }
  // Max-Age has precedence (RFC 6265, 5.3, step 3).
  if (maxAge !== undefined) cookie.expirationDate = now / 1000 + maxAge;
  return cookie;
}
