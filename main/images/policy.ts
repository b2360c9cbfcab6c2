/** What an institution decides about images; main/settings has a key for each. */
export interface ImagePolicy {
  /** Names of transports in the order in which they are tried; one that is not named is not used. */
  readonly order: readonly string[];
  /** Bytes that image work leaves free on the disk. */
  readonly reserve: number;
  /** Versions that stay beside the current one. */
  readonly keepPrevious: number;
  /** Of image files on BTRFS. */
  readonly compression: 'zstd' | 'lzo' | 'none';
  /** Days after which a version is read and verified whole again; 0: never by itself. */
  readonly verifyDays: number;
}

export const DEFAULT_IMAGE_POLICY: ImagePolicy = {
  order: ['file', 'multicast', 'udpcast', 'peer', 'http'],
  reserve: 1024 ** 3,
  keepPrevious: 1,
  compression: 'zstd',
  verifyDays: 30,
};
