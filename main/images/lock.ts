import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { errno, KioskError } from '../base/errors.ts';

/**
 * Takes a store for this process alone. The lock is an abstract Unix socket (unix(7)) named after
 * the folder: the kernel lets go of it with the process, however that ends.
 *
 * @returns the function that gives it back
 * @throws KioskError `STORE_LOCKED`
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const name = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        errno(error) === 'EADDRINUSE'
          ? new KioskError('STORE_LOCKED', 'Another Vestibule uses the image store.', {
              cause: error,
            })
          : error,
      );
    });
    server.listen(`\0vestibule-images-${name}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
