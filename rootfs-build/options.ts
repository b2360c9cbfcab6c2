/** What `npm run rootfs` takes. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** `vm`: kiosks that are virtual machines; `lab`: ordinary computers; `full`: every script and card. */
export const PROFILES = ['vm', 'lab', 'full'] as const;
export type Profile = (typeof PROFILES)[number];

export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export interface RootfsOptions {
  readonly profile: Profile;
  readonly architecture: Architecture;
  /** Where the result goes; undefined: below the cache, by the hash of the inputs. */
  readonly out: string | undefined;
  readonly cache: string;
  readonly mirror: string;
  /** Builds twice and compares. */
  readonly checkReproducible: boolean;
  /** Builds although a result for the same inputs is there. */
  readonly force: boolean;
}

/**
 * @param argv without program and script
 * @param root the repository
 * @throws TypeError for an unknown option or value
 */
export function readRootfsOptions(argv: readonly string[], root: string): RootfsOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      profile: { type: 'string', default: 'vm' },
      arch: { type: 'string', default: 'amd64' },
      out: { type: 'string' },
      mirror: { type: 'string', default: 'http://deb.debian.org' },
      'check-reproducible': { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
    },
  });
  return {
    profile: oneOf(PROFILES, values.profile, '--profile'),
    architecture: oneOf(ARCHITECTURES, values.arch, '--arch'),
    out: values.out,
    cache: join(root, '.cache', 'rootfs'),
    mirror: values.mirror.replace(/\/+$/, ''),
    checkReproducible: values['check-reproducible'],
    force: values.force,
  };
}

function oneOf<T extends string>(known: readonly T[], value: string, name: string): T {
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) throw new TypeError(`${name} is one of ${known.join(', ')}`);
  return found;
}
