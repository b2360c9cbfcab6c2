import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseEvents, type ServerEvent } from '../../../main/campus/events.ts';
import { codeOf } from './support.ts';

async function parse(chunks: Iterable<string | Uint8Array>): Promise<ServerEvent[]> {
  async function* source() {
    for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  }
  const events: ServerEvent[] = [];
  for await (const event of parseEvents(source())) events.push(event);
  return events;
}

test('fields, comments, several lines of data, and events without data', async () => {
  const text = [
    ': a comment\n',
    'event: manifest\ndata\n\n',
    'id: 42\ndata: one\ndata:two\nunknown: x\n\n',
    'event: lost\n\n',
    'data: no end',
  ].join('');
  expect(await parse([text])).toEqual([
    { event: 'manifest', data: '', lastEventId: '' },
    { event: 'message', data: 'one\ntwo', lastEventId: '42' },
  ]);
});

test('any line ending, cut anywhere, gives the same events', async () => {
  const expected = [
    { event: 'jobs', data: 'é\n1', lastEventId: '' },
    { event: 'message', data: '2', lastEventId: '' },
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat(60), { maxLength: 6 }),
      async (ending, cuts) => {
        const text = ['event: jobs', 'data: é', 'data: 1', '', 'data: 2', '', ''].join(ending);
        const bytes = Buffer.from(text);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
          (a, b) => a - b,
        );
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(await parse([...chunks, ':'])).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

test('an event without end is refused', async () => {
  const line = `data: ${'x'.repeat(1000)}\n`;
  expect(await codeOf(() => parse(Array.from({ length: 100 }, () => line)))).toBe(
    'CAMPUS_BAD_RESPONSE',
  );
  expect(await codeOf(() => parse(['x'.repeat(70_000)]))).toBe('CAMPUS_BAD_RESPONSE');
});
