/**
 * A file brought whole: into `<path>.part`, resumed by Range and If-Range after a failure or a
 * restart, checked, made durable, and only then renamed. The SHA-256 from the signed manifest is
 * what counts; validators only save transfers.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import { fsyncFolder } from '../base/files.ts';
import type { Answer } from './exchange.ts';
import { httpError, isTransient } from './faults.ts';
import type { DownloadOptions } from './http.ts';
import {
  broken,
  parseContentRange,
  type RangeSource,
  rangeHeaders,
  type Validator,
  validatorOf,
} from './range.ts';

/** @throws see {@link DownloadOptions} and `CampusHttp` */
export async function downloadFile(
  source: RangeSource,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const part = `${path}.part`;
  const sidecar = `${part}.validator`;
  try {
    let failures = 0;
    let restarted = false;
    for (;;) {
      options.signal?.throwIfAborted();
      const before = await sizeOf(part);
      try {
        await fetchRest(source, { part, sidecar, options });
        break;
      } catch (error) {
        if (isWrongContent(error)) {
          await discard(part, sidecar);
          // What was resumed may have been of another file; a whole one that is wrong is wrong.
          if (restarted || before === 0) throw error;
          restarted = true;
          continue;
        }
        if (!isTransient(error)) throw error;
        failures = (await sizeOf(part)) > before ? 0 : failures + 1;
        if (failures >= source.attempts) throw error;
      }
      await source.pause(failures);
    }
    await rename(part, path);
    await rm(sidecar, { force: true });
    await fsyncFolder(dirname(path));
  } catch (error) {
    throw fromDiskError(error, 'downloading a file from the campus');
  }
}

interface Part {
  readonly part: string;
  readonly sidecar: string;
  readonly options: DownloadOptions;
}

async function fetchRest(source: RangeSource, { part, sidecar, options }: Part): Promise<void> {
  const { size, sha256 } = options;
  const validator = await readValidator(sidecar);
  const handle = await open(part, 'a+', 0o600);
  try {
    let have = (await handle.stat()).size;
    if (have > size) {
      await handle.truncate(0);
      have = 0;
    }
    let hash = createHash('sha256');
    if (have > 0) await hashFile(part, hash, options.signal);
    if (have < size || size === 0) {
      const { answer, blame } = await source.open(
        (origin) => rangeHeaders(origin, have, undefined, validator),
        (candidate) => demandRest(candidate, have, size),
      );
      if (answer.status === 200 && have > 0) {
        // The file changed on this server, or it knows no ranges: from the beginning.
        await handle.truncate(0);
        have = 0;
        hash = createHash('sha256');
      }
      if (have === 0) await writeValidator(sidecar, validatorOf(answer));
      try {
        await append(handle, answer, { have, hash, options });
      } catch (error) {
        if (error instanceof KioskError) blame(error);
        throw error;
      }
    }
    if (hash.digest('hex') !== sha256) {
      throw new KioskError('CAMPUS_BAD_RESPONSE', 'A file of the campus has the wrong SHA-256.', {
        details: { reason: 'sha256', expected: sha256 },
      });
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function append(
  handle: FileHandle,
  answer: Answer,
  {
    have,
    hash,
    options,
  }: { readonly have: number; readonly hash: Hash; readonly options: DownloadOptions },
): Promise<void> {
  let position = have;
  for await (const chunk of answer.body) {
    position += chunk.length;
    if (position > options.size) {
      throw new KioskError(
        'CAMPUS_RESPONSE_TOO_LARGE',
        `${answer.url.origin}${answer.url.pathname} is larger than ${options.size} bytes.`,
        { details: { server: answer.url.origin, limit: options.size } },
      );
    }
    await writeAll(handle, chunk);
    hash.update(chunk);
    options.onProgress?.(position);
  }
  if (position < options.size) throw broken(answer, 'sent too few bytes', 'short');
}

/** @throws KioskError unless the answer is the whole file (200) or the rest of it (206) */
function demandRest(answer: Answer, have: number, size: number): void {
  if (answer.status === 200) return;
  // 416: the server's file is shorter than what is here, so it is another file.
  if (answer.status === 416 && have > 0) throw wrongContent(answer, 'has a shorter file');
  if (answer.status !== 206) throw httpError(answer.url, answer.status);
  const range = parseContentRange(answer.headers);
  if (range?.start !== have || (range.total !== null && range.total !== size))
    throw wrongContent(answer, 'sent another range than it was asked for');
}

function wrongContent(answer: Answer, what: string): KioskError {
  return broken(answer, what, 'wrong-range');
}

function isWrongContent(error: unknown): boolean {
  return (
    error instanceof KioskError &&
    (error.code === 'CAMPUS_RESPONSE_TOO_LARGE' ||
      error.details?.reason === 'sha256' ||
      error.details?.reason === 'wrong-range')
  );
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await handle.write(chunk, written)).bytesWritten;
  }
}

async function hashFile(path: string, hash: Hash, signal: AbortSignal | undefined): Promise<void> {
  for await (const chunk of createReadStream(path, {
    highWaterMark: 1 << 20,
    ...(signal === undefined ? {} : { signal }),
  })) {
    hash.update(chunk);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errno(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function discard(part: string, sidecar: string): Promise<void> {
  await rm(part, { force: true });
  await rm(sidecar, { force: true });
}

/** Two lines: origin and value. Losing it costs a transfer, never correctness. */
async function writeValidator(path: string, validator: Validator | null): Promise<void> {
  if (validator === null) await rm(path, { force: true });
  else await writeFile(path, `${validator.origin}\n${validator.value}\n`, { mode: 0o600 });
}

async function readValidator(path: string): Promise<Validator | null> {
  try {
    const [origin, value] = (await readFile(path, 'latin1')).split('\n');
    return origin && value ? { origin, value } : null;
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}
