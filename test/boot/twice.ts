/** The image is what its inputs are: no hour, no order and no computer of the build is in it. */
import { packedAgain } from '../../squashfs/reproducible.ts';
import type { Scenario } from './scenario.ts';

export const TWICE: Scenario = {
  name: 'build: the image, built and packed once more, is the same byte for byte',
  ci: true,
  obstacle: ({ rootfs }) =>
    rootfs === undefined ? 'a packed folder that was given tells nothing of its build' : undefined,
  async run({ rootfs = '', packed, keys }) {
    const options = { servers: [], options: '', hosts: [], say: () => {} };
    await packedAgain(
      { ...options, rootfs, keys, architecture: 'amd64', compressor: 'zstd3', profile: 'vm' },
      packed,
    );
  },
};
