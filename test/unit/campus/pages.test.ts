import { expect, test } from 'vitest';
import { Manifest } from '../../../main/base/manifest.ts';

const manifest = (pages: object) => ({
  format: 1,
  campus: { id: 'campus', name: 'Campus' },
  version: 1,
  issuedAt: '2026-11-20T08:00:00Z',
  expiresAt: '2026-12-20T08:00:00Z',
  pages,
});
const problem = (pages: object): string | undefined =>
  Manifest.safeParse(manifest(pages))
    .error?.issues.map(({ path }) => path.join('.'))
    .join();

const start = 'http://portal.example.org/kiosk/';
const origins = ['http://portal.example.org', 'https://other.example.org/'];

test('pages need their start among the origins, and TLS where they may call', () => {
  expect(problem({ start, origins })).toBeUndefined();
  expect(problem({ start, origins, privileged: ['https://other.example.org'] })).toBeUndefined();
  expect(problem({ start: 'http://portal.example.org:81/', origins })).toBe('pages.start');
  expect(problem({ start, origins, privileged: ['http://portal.example.org'] })).toBe(
    'pages.privileged.0',
  );
  expect(problem({ start, origins, privileged: ['https://portal.example.org'] })).toBe(
    'pages.privileged.0',
  );
  const local = 'http://127.0.0.1:8080';
  expect(problem({ start: local, origins: [local], privileged: [local] })).toBeUndefined();
});
