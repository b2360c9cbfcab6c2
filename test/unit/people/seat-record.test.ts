import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../../main/log/logger.ts';
import { SeatRecord } from '../../../main/people/seat-record.ts';
import type { Person } from '../../../preload/contract/model.ts';

const alice: Person = { id: 'a', name: 'Alice', kind: 'member', groups: ['x'], offline: true };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-seat-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the next main reads who was there, and nobody after a sign-out', () => {
  const path = join(folder, 'person.json');
  new SeatRecord(path, silentLogger).write(alice);
  expect(new SeatRecord(path, silentLogger).read()).toEqual(alice);
  new SeatRecord(path, silentLogger).write(null);
  expect(new SeatRecord(path, silentLogger).read()).toBeNull();
});

test.each(['', '{', '{"id":"a"}', '[]'])('a damaged record %j is nobody', (text) => {
  const path = join(folder, 'person.json');
  writeFileSync(path, text);
  expect(new SeatRecord(path, silentLogger).read()).toBeNull();
});

test('a folder that cannot be written costs the record, not the kiosk', () => {
  const record = new SeatRecord(join(folder, 'missing', 'person.json'), silentLogger);
  expect(() => record.write(alice)).not.toThrow();
  expect(record.read()).toBeNull();
});
