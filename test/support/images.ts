/** Images to transfer, servers to break, and a whole image store over real files. */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { KioskError } from '../../main/base/errors.ts';
import type { ImageRef } from '../../main/base/manifest.ts';
import { createImages, type Images, type ImagesOptions } from '../../main/images/images.ts';
import { CHUNK_SIZE } from '../../main/images/manifest.ts';
import { type PackResult, packImage } from '../../main/images/pack.ts';
import { createJobs, type Jobs } from '../../main/jobs/jobs.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';

/** A folder that goes away with the test. */
export async function scratchFolder(
  parent = tmpdir(),
): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(parent, 'vestibule-images-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** Bytes that no one can compress, the same for the same seed. */
export function noise(length: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/**
 * An image of so many chunks and some bytes: chunk 3 of every 8 is zeros, chunk 5 compresses.
 * @param changes chunk → seed of other contents
 */
export function imageBytes(
  chunks: number,
  tail: number,
  changes: Readonly<Record<number, string>> = {},
): Buffer {
  const image = Buffer.alloc(chunks * CHUNK_SIZE + tail);
  for (let index = 0; index * CHUNK_SIZE < image.length; index++) {
    const chunk = image.subarray(index * CHUNK_SIZE, (index + 1) * CHUNK_SIZE);
    const changed = changes[index];
    if (changed !== undefined) noise(chunk.length, changed).copy(chunk);
    else if (index % 8 === 5) chunk.fill(`line ${index}\n`);
    else if (index % 8 !== 3) noise(chunk.length, `chunk ${index}`).copy(chunk);
  }
  return image;
}

/** Packs bytes as an image into a folder and says what the campus's manifest would. */
export async function packBytes(
  folder: string,
  bytes: Buffer,
  about: {
    id: string;
    version: string;
    layout?: 'packed' | 'plain';
    parents?: readonly string[];
  },
): Promise<PackResult> {
  const source = join(folder, `${about.id}-${about.version}.img`);
  await writeFile(source, bytes);
  return packImage({ source, outputFolder: folder, ...about });
}

/** @param deltas where its deltas are served, under their file names; absent: nowhere */
export function refOf(
  packed: PackResult,
  urls: string[],
  manifestUrl: string,
  deltas?: string,
): ImageRef {
  return {
    id: packed.manifest.id,
    version: packed.manifest.version,
    manifest: {
      url: manifestUrl,
      size: packed.manifestSize,
      sha256: packed.manifestSha256,
    },
    urls,
    ...(deltas === undefined
      ? {}
      : {
          deltas: packed.deltas.map((delta) => ({
            from: delta.from,
            index: {
              url: `${deltas}/${basename(delta.indexPath)}`,
              size: delta.indexSize,
              sha256: delta.indexSha256,
            },
            urls: [`${deltas}/${basename(delta.framesPath)}`],
          })),
        }),
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean;

/** Serves files by name with ranges; `fault` may answer instead. */
export async function rangeServer(files: Readonly<Record<string, Buffer>>): Promise<
  AsyncDisposable & {
    readonly url: string;
    readonly requests: Array<{ path: string; range: string | undefined }>;
    bytesSent: number;
    fault: Answer | undefined;
  }
> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1);
    rig.requests.push({ path, range: request.headers.range });
    const bytes = files[path];
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    if (rig.fault?.(request, response, bytes)) return;
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const start = Number(range?.[1] ?? 0);
    const end = range ? Number(range[2]) + 1 : bytes.length;
    const part = bytes.subarray(start, end);
    rig.bytesSent += part.length;
    if (range) {
      response.writeHead(206, {
        'content-length': part.length,
        'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
      });
    } else response.writeHead(200, { 'content-length': part.length });
    response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const rig = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [] as Array<{ path: string; range: string | undefined }>,
    bytesSent: 0,
    fault: undefined as Answer | undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return rig;
}

/** A small HTTP client with the shape of the campus's. */
export const httpPort: ImagesOptions['http'] = {
  async get(url, { maxBytes, signal }) {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of fetchStream(url, {}, 200, signal)) {
      length += part.length;
      if (length > maxBytes) throw new KioskError('CAMPUS_RESPONSE_TOO_LARGE', url);
      parts.push(part);
    }
    return { body: Buffer.concat(parts) };
  },
  range(url, start, end, { signal }) {
    return fetchStream(url, { range: `bytes=${start}-${end - 1}` }, 206, signal);
  },
  whole: (url, { signal }) => fetchStream(url, {}, 200, signal),
};

async function* fetchStream(
  url: string,
  headers: Record<string, string>,
  status: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers, signal }, resolve).once('error', (cause) =>
      reject(signal.aborted ? signal.reason : new KioskError('CAMPUS_UNREACHABLE', url, { cause })),
    );
  });
  if (response.statusCode !== status) {
    response.destroy();
    if (status === 206 && response.statusCode === 200) {
      throw new KioskError('CAMPUS_BAD_RESPONSE', url, { details: { reason: 'no-range' } });
    }
    throw new KioskError('CAMPUS_HTTP_ERROR', `${url}: ${response.statusCode}`);
  }
  try {
    yield* response;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new KioskError('CAMPUS_BAD_RESPONSE', `${url} broke off`, { cause });
  }
}

export interface ImageRig extends AsyncDisposable {
  readonly images: Images;
  readonly jobs: Jobs;
  readonly reports: Array<{ kind: string; level: string; body: Record<string, unknown> }>;
  /** Waits until no job is under way. */
  idle(): Promise<void>;
}

/** A store in a folder, with jobs that run. */
export async function imageRig(
  folder: string,
  options: Partial<ImagesOptions> = {},
): Promise<ImageRig> {
  const launcher = new Launcher(silentLogger);
  const jobs = createJobs({ path: ':memory:', log: silentLogger });
  const reports: ImageRig['reports'] = [];
  const images = await createImages({
    folder: join(folder, 'images'),
    overlayFolders: [join(folder, 'overlays')],
    log: silentLogger,
    launcher,
    jobs,
    http: httpPort,
    report: (report) => reports.push(report),
    ...options,
    policy: { reserve: 0, verifyDays: 0, ...options.policy },
  });
  jobs.start();
  return {
    images,
    jobs,
    reports,
    async idle() {
      for (;;) {
        const open = jobs.list().find(({ finishedAt }) => finishedAt === null);
        if (!open) return;
        await jobs.finished(open.id);
      }
    },
    async [Symbol.asyncDispose]() {
      await jobs.close();
      await images.close();
      await launcher.stopAll();
    },
  };
}
