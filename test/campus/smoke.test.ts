/** `npm start -- --smoke`: the whole product on one computer, through the real UI. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';

test('a day on a kiosk, with the campus gone in the middle', { timeout: 1_200_000 }, async () => {
  const child = spawn(process.execPath, ['scripts/start.ts', '--smoke'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // It ends the kiosk with itself.
  onTestFinished(() => void child.kill('SIGINT'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
    process.stdout.write(chunk);
  });
  const [code] = await once(child, 'close');
  const lines = output.trim().split('\n');
  expect(lines.at(-1)).toBe('{"smoke":"passed"}');
  expect(code).toBe(0);
});
