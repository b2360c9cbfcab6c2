import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, expect, test, vi } from 'vitest';
import { decompress } from '../../../main/images/udpcast/decompress.ts';
import { Memory } from '../../../main/images/udpcast/memory.ts';
import { putStream } from '../../../main/images/udpcast/put-stream.ts';
import { receiveStock } from '../../../main/images/udpcast/receive-stock.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';
import { imageBytes, noise, packBytes, scratchFolder } from '../../support/images.ts';
import { MemorySink } from '../../support/memory-sink.ts';

const launcher = new Launcher(silentLogger);
afterAll(() => launcher.stopAll());

async function* inParts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

test('a stream is cut into chunks by position, whatever its parts are', async () => {
  await using folder = await scratchFolder();
  const bytes = imageBytes(20, 333);
  const { manifest } = await packBytes(folder.path, bytes, { id: 'lab', version: '1' });
  for (const size of [1000, 65_536, 70_001, 10_000_000]) {
    const sink = new MemorySink(manifest);
    const account = { chunks: 0, mismatches: 0 };
    await putStream(inParts(bytes, size), sink, 'image', account);
    expect(sink.missing).toBe(0);
    expect(account).toEqual({ chunks: manifest.chunks, mismatches: 0 });
    expect(sink.bytes().equals(bytes)).toBe(true);
  }
});

test.each(['ends', 'fails'])(
  'of a stream that %s too early, all whole chunks count',
  async (how) => {
    await using folder = await scratchFolder();
    const bytes = imageBytes(20, 333);
    const { manifest } = await packBytes(folder.path, bytes, { id: 'lab', version: '1' });
    const sink = new MemorySink(manifest);
    const account = { chunks: 0, mismatches: 0 };
    const short = async function* (): AsyncGenerator<Uint8Array> {
      yield* inParts(bytes.subarray(0, 65_536 * 18.5), 100_000);
      if (how === 'fails') throw new Error('the sender fell silent');
    };
    const put = putStream(short(), sink, 'image', account);
    if (how === 'fails') await expect(put).rejects.toThrow('the sender fell silent');
    else await put;
    expect(account).toEqual({ chunks: 18, mismatches: 0 });
  },
);

test('the last chunk ends it, whatever the stream still says', async () => {
  await using folder = await scratchFolder();
  const bytes = imageBytes(3, 333);
  const { manifest } = await packBytes(folder.path, bytes, { id: 'lab', version: '1' });
  const sink = new MemorySink(manifest);
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
    await new Promise(() => {});
  };
  await putStream(endless(), sink, 'image', { chunks: 0, mismatches: 0 });
  expect(sink.bytes().equals(bytes)).toBe(true);
});

test('memory is given out again, by its size', () => {
  const memory = new Memory();
  const first = memory.take(70_000);
  expect(first.length).toBe(70_000);
  memory.giveBack(first.buffer);
  expect(memory.take(200_000).buffer).not.toBe(first.buffer);
  expect(memory.take(100_000).buffer).toBe(first.buffer);
  expect(memory.take(100_000).buffer).not.toBe(first.buffer);
});

test('a wrong stream is refused before it ends', async () => {
  await using folder = await scratchFolder();
  const bytes = imageBytes(100, 0);
  const { manifest } = await packBytes(folder.path, bytes, { id: 'lab', version: '1' });
  let sent = 0;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (; sent < 60; sent++) yield noise(65_536, `wrong ${sent}`);
  };
  const sink = new MemorySink(manifest);
  const account = { chunks: 0, mismatches: 0 };
  await expect(putStream(endless(), sink, 'image', account)).rejects.toMatchObject({
    code: 'IMAGE_STREAM_WRONG',
  });
  expect(sent).toBeLessThan(60);
  expect(sink.missing).toBe(manifest.chunks);
});

test('a decompressor that is not content ends its source', async () => {
  const compressed = zstdCompressSync(noise(300_000, 'stream'));
  const options = { compression: 'zstd', launcher, abort: vi.fn() } as const;
  expect((await collect(decompress(inParts(compressed, 1000), options))).length).toBe(300_000);
  const short = compressed.subarray(0, 150_000);
  await expect(collect(decompress(inParts(short, 1000), options))).rejects.toMatchObject({
    code: 'IMAGE_STREAM_WRONG',
  });
  let ended = false;
  const abort = vi.fn();
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(1000, 0xff);
    } finally {
      ended = true;
    }
  };
  await expect(collect(decompress(source(), { ...options, abort }))).rejects.toMatchObject({
    code: 'IMAGE_STREAM_WRONG',
  });
  expect(ended).toBe(true);
  expect(abort).toHaveBeenCalled();
});

test('a source that fails is told as it is, not as a truncated stream', async () => {
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield zstdCompressSync(Buffer.alloc(1000)).subarray(0, 8);
    throw new Error('the sender fell silent');
  };
  const options = { compression: 'zstd', launcher, abort: () => {} } as const;
  await expect(collect(decompress(source(), options))).rejects.toThrow('the sender fell silent');
});

test('udp-receiver: “Transfer complete.” is believed with exit code 0 only, and 0 with bytes only', async () => {
  await using folder = await scratchFolder();
  const program = join(folder.path, 'udp-receiver');
  const path = process.env.PATH ?? '';
  vi.stubEnv('PATH', `${folder.path}:${path}`);
  try {
    const run = async (script: string): Promise<Buffer> => {
      await writeFile(program, `#!/bin/sh\n${script}\n`);
      await chmod(program, 0o755);
      const options = {
        ...{ launcher, interfaceName: 'lo', portbase: 9000 },
        ...{ startTimeoutMs: 1000, receiveTimeoutMs: 1000, windowBytes: 1024 },
      };
      return collect(receiveStock(options, new AbortController().signal));
    };
    const said = 'echo "Transfer complete." >&2';
    expect((await run(`printf hello; ${said}`)).toString()).toBe('hello');
    await expect(run(`printf hello; ${said}; exit 1`)).rejects.toMatchObject({
      code: 'IMAGE_TRANSPORT_FAILED',
    });
    await expect(run(said)).rejects.toMatchObject({ code: 'IMAGE_NOT_STARTED' });
  } finally {
    vi.unstubAllEnvs();
  }
});
