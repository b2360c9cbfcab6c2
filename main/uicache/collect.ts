/** A file that came whole or in pieces, as one; reads at most one piece more than `size`. */
export async function collect(
  answer: Promise<Uint8Array> | AsyncIterable<Uint8Array>,
  size: number,
): Promise<Uint8Array> {
  if (!(Symbol.asyncIterator in answer)) return answer;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer) {
    pieces.push(piece);
    length += piece.length;
    if (length > size) break;
  }
  return Buffer.concat(pieces);
}
