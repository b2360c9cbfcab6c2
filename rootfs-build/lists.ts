/** The recipe's lists: text files, one entry a line, comments after `#`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture, Profile } from './options.ts';

const RECIPE = join(import.meta.dirname, 'recipe');

/** Later layers add to earlier ones. */
const LAYERS: Readonly<Record<Profile, readonly string[]>> = {
  vm: ['common', 'vm'],
  lab: ['common', 'lab'],
  full: ['common', 'lab', 'full'],
};

/** Entries without comments; `name [arch]` only where it is meant. */
export function parseList(text: string, architecture: Architecture): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, entry = '', only] = /^(\S+)(?:\s+\[(\w+)\])?$/.exec(line) ?? [];
      if (entry === '') throw new Error(`a list's line is not understood: ${line}`);
      return only === undefined || only === architecture ? [entry] : [];
    });
}

export function packageList(profile: Profile, architecture: Architecture): string[] {
  const lists = LAYERS[profile].map((layer) => read(`packages/${layer}.txt`, architecture));
  return [...new Set(lists.flat())];
}

export function trimList(profile: Profile, architecture: Architecture): string[] {
  const common = read('trim-common.txt', architecture);
  return profile === 'vm' ? [...common, ...read('trim-vm.txt', architecture)] : common;
}

/** Kernel modules to keep; undefined: all of them. */
export function moduleList(profile: Profile, architecture: Architecture): string[] | undefined {
  return profile === 'vm' ? read('modules-vm.txt', architecture) : undefined;
}

export function maskedUnits(profile: Profile, architecture: Architecture): string[] {
  const common = read('masked-units.txt', architecture);
  return profile === 'vm' ? [...common, ...read('masked-units-vm.txt', architecture)] : common;
}

function read(name: string, architecture: Architecture): string[] {
  return parseList(readFileSync(join(RECIPE, name), 'utf8'), architecture);
}
