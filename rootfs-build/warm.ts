/**
 * What Node compiles at its first start, kept in the image: a diskless kiosk starts for the first
 * time each time. Node reads it from NODE_COMPILE_CACHE (vestibule-kiosk.service).
 */
import { chmod, chown, lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { walk } from './runtime-package.ts';

/** Of sysusers.d/vestibule.conf: Node keeps a cache for each user. */
const KIOSK = 470;
const LIB = 'usr/lib/vestibule';

/**
 * V8 stores the hashes of strings, which are otherwise different in every process; the unit names
 * the same seed, else Node would not take the cache.
 */
const HASH_SEED = '--hash-seed=1';

/** Chunks that the entry loads on its way to the first picture; the entry itself starts a browser. */
const LOADED = /^(?:run|chromium-shell)-[\w-]+\.js$/;

export async function warmCompileCache(tree: string, epoch: number): Promise<void> {
  const folder = join(tree, LIB, 'compiled');
  const chunks = (await readdir(join(tree, LIB, 'dist/main'))).filter((name) => LOADED.test(name));
  if (chunks.length < 2) throw new Error('the bundle has other chunks than the cache is made for');
  await mkdir(folder);
  await chown(folder, KIOSK, KIOSK);
  const script = [
    'import { enableCompileCache, flushCompileCache } from "node:module";',
    `enableCompileCache("/${LIB}/compiled");`,
    ...chunks.sort().map((name) => `await import("/${LIB}/dist/main/${name}");`),
    'flushCompileCache();',
    'process.exit(0);',
  ].join('\n');
  await run(
    'chroot',
    [
      `--userspec=${KIOSK}:${KIOSK}`,
      tree,
      `/${LIB}/node`,
      HASH_SEED,
      '--input-type=module',
      '-e',
      script,
    ],
    { env: { NODE_COMPILE_CACHE: '', NODE_OPTIONS: '', SOURCE_DATE_EPOCH: String(epoch) } },
  );
  // The kiosk owns nothing that it runs, and reads this.
  for await (const path of walk(folder)) {
    await chown(path, 0, 0);
    await chmod(path, (await lstat(path)).isDirectory() ? 0o755 : 0o644);
  }
}
