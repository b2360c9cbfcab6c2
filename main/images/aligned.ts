/** TypeScript describes WebAssembly with the browser's library only. */
interface WithWebAssembly {
  readonly WebAssembly: {
    readonly Memory: new (descriptor: {
      readonly initial: number;
    }) => {
      readonly buffer: ArrayBuffer;
    };
  };
}

const WASM_PAGE = 65_536;

/**
 * Memory that begins at a page of the processor, as open(2) demands for O_DIRECT. Buffers begin
 * wherever malloc(3) had room; WebAssembly's memory is mapped by pages. (A kernel that finds it
 * unaligned all the same reads through its cache: slower, as right.)
 */
export function alignedBuffer(bytes: number): Buffer {
  const { Memory } = (globalThis as unknown as WithWebAssembly).WebAssembly;
  return Buffer.from(new Memory({ initial: Math.ceil(bytes / WASM_PAGE) }).buffer, 0, bytes);
}
