/** Looking at an image store as the next start of the kiosk would. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { systemClock } from '../../main/base/clock.ts';
import { ImageStore } from '../../main/images/store.ts';
import { sameStamp, stampOf } from '../../main/images/version.ts';
import { silentLogger } from '../../main/log/logger.ts';

export interface StoreView {
  readonly store: ImageStore;
  /** Labels of what is visible, the newest first; each was read and is right to the last byte. */
  readonly versions: string[];
  readonly current: string | undefined;
}

/** Opens the store and reads all that it shows. @throws where anything visible is wrong */
export async function inspectStore(folder: string, image: string): Promise<StoreView> {
  const store = await ImageStore.open({ folder, log: silentLogger, clock: systemClock });
  for (const version of store.all()) {
    const manifest = await store.manifest(version);
    const path = store.imagePath(version);
    if (!sameStamp(await stampOf(path), version.stamp)) {
      throw new Error(`${version.version}: the record does not fit the file`);
    }
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(manifest.chunkSize);
      for (let index = 0; index < manifest.chunks; index++) {
        const length = manifest.chunkLength(index);
        const { bytesRead } = await file.read(buffer, 0, length, index * manifest.chunkSize);
        const hash = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest();
        if (!hash.equals(manifest.hash(index))) {
          throw new Error(`${version.version}: chunk ${index} is wrong`);
        }
      }
    } finally {
      await file.close();
    }
  }
  return {
    store,
    versions: store.versions(image).map(({ version }) => version),
    current: store.current(image)?.version,
  };
}
