/**
 * Bytes of a chunk (the last one may be short): qcow2's default cluster size. A file of its own,
 * so that the chunk threads start without the schema library that the manifest needs.
 */
export const CHUNK_SIZE = 65_536;
