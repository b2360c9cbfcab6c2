import { expect, test } from 'vitest';
import { parseSetCookie } from '../../../main/shell/electron/set-cookie.ts';

const URL = 'https://portal.example.org/login';
const NOW = 1_000_000;

test.each([
  ['a=1', { name: 'a', value: '1' }],
  [' a = b=c ; Path=/x; HttpOnly', { name: 'a', value: 'b=c', path: '/x', httpOnly: true }],
  ['a=; Secure; SameSite=Lax', { name: 'a', value: '', secure: true, sameSite: 'lax' }],
  [
    'a=1; Domain=.example.org; SameSite=odd',
    { name: 'a', value: '1', domain: '.example.org', sameSite: 'unspecified' },
  ],
  ['a=1; Expires=Thu, 01 Jan 1970 00:00:07 GMT', { name: 'a', value: '1', expirationDate: 7 }],
  [
    'a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:07 GMT',
    { name: 'a', value: '1', expirationDate: 1060 },
  ],
  ['a=1; Max-Age=-1', { name: 'a', value: '1', expirationDate: 999 }],
  ['a=1; Path=relative; Domain=; Expires=never; Max-Age=x', { name: 'a', value: '1' }],
])('%s', (line, expected) => {
  expect(parseSetCookie(line, URL, NOW)).toEqual({ url: URL, ...expected });
});

test.each(['', '=1', ' =1', 'novalue'])('"%s" is no cookie', (line) => {
  expect(parseSetCookie(line, URL, NOW)).toBeUndefined();
});
