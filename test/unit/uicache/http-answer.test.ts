import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAnswerHead } from '../../../main/uicache/http-answer.ts';

const parse = (...lines: string[]) => parseAnswerHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`));

test('an ordinary head is understood, whatever the case of its names', () => {
  const head = parse('HTTP/1.1 200 OK', 'Server: nginx', 'CONTENT-length: 17');
  expect(head).toEqual({ status: 200, length: 17, encoded: false, last: false, bytes: 54 });
  expect(parse('HTTP/1.1 200', 'content-length:0', 'connection: Keep-Alive, CLOSE')).toMatchObject({
    length: 0,
    last: true,
  });
  expect(parse('HTTP/1.1 404 ', 'content-length: 5', 'content-encoding: gzip')).toMatchObject({
    status: 404,
    encoded: true,
  });
});

test.each([
  ['an older protocol', 'HTTP/1.0 200 OK', 'content-length: 1'],
  ['an interim answer', 'HTTP/1.1 103 Early Hints', 'content-length: 0'],
  ['no length', 'HTTP/1.1 200 OK', 'server: x'],
  ['two lengths', 'HTTP/1.1 200 OK', 'content-length: 1', 'content-length: 1'],
  ['a length that is none', 'HTTP/1.1 200 OK', 'content-length: 1, 2'],
  ['chunks', 'HTTP/1.1 200 OK', 'transfer-encoding: chunked', 'content-length: 1'],
  ['a folded line', 'HTTP/1.1 200 OK', 'content-length: 1', ' 2'],
  ['a line without a name', 'HTTP/1.1 200 OK', ': 1', 'content-length: 1'],
  ['something else', 'SSH-2.0-OpenSSH'],
])('%s is strange', (_, ...lines) => {
  expect(parse(...lines)).toBe('strange');
});

test('a head that has not ended is waited for, but not for ever', () => {
  expect(parseAnswerHead(Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n'))).toBe('more');
  expect(parseAnswerHead(Buffer.alloc(20_000, 'a'))).toBe('strange');
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parseAnswerHead(Buffer.from(bytes));
      parseAnswerHead(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), bytes]));
    }),
  );
});
