import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { PUBLISH_STEPS } from '../../../main/images/publish.ts';
import type { ChildOrder } from '../../support/image-child.ts';
import { inspectStore } from '../../support/image-store.ts';
import { imageBytes, packBytes, scratchFolder } from '../../support/images.ts';

const CHILD = fileURLToPath(new URL('../../support/image-child.ts', import.meta.url));

async function runChild(
  order: ChildOrder,
): Promise<{ signal: NodeJS.Signals | null; last: string }> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const [code, signal] = await once(child, 'close');
  if (signal === null && code !== 0) throw new Error(`the child failed: ${output}`);
  return { signal, last: output.trim().split('\n').at(-1) ?? '' };
}

describe('main is killed while an update arrives', () => {
  for (const killAt of ['preparing', 'receiving-late', 'publishing-late', ...PUBLISH_STEPS]) {
    test(`before ${killAt}: the old version is whole, the new one whole or invisible`, async () => {
      await using scratch = await scratchFolder();
      const folder = join(scratch.path, 'images');
      await mkdir(folder);
      const v1 = await packBytes(scratch.path, imageBytes(24, 5), { id: 'win', version: '1' });
      const v2 = await packBytes(scratch.path, imageBytes(30, 0, { 4: 'x', 11: 'y' }), {
        id: 'win',
        version: '2',
      });
      await runChild({ folder, chunks: v1.chunksPath, manifest: v1.manifestPath });
      const order = { folder, chunks: v2.chunksPath, manifest: v2.manifestPath };
      expect(await runChild({ ...order, killAt })).toEqual({ signal: 'SIGKILL', last: killAt });

      const after = await inspectStore(folder, 'win');
      const visible =
        PUBLISH_STEPS.indexOf(killAt as never) > PUBLISH_STEPS.indexOf('rename-image');
      expect(after.versions).toEqual(visible ? ['2', '1'] : ['1']);
      expect(after.current).toBe(killAt === 'published' ? '2' : '1');
      if (visible) return;
      // The next try goes on and ends well.
      await runChild(order);
      const again = await inspectStore(folder, 'win');
      expect(again).toMatchObject({ versions: ['2', '1'], current: '2' });
    });
  }
});
