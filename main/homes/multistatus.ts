/** Answers to PROPFIND (RFC 4918, section 13): bounded, and without entities of their own. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';
import { KioskError } from '../base/errors.ts';
import type { RemoteEntry } from './plan.ts';
import { isPortable } from './tree.ts';

const Prop = z.looseObject({
  resourcetype: z.unknown().optional(),
  getcontentlength: z.string().optional(),
  getetag: z.string().optional(),
  getlastmodified: z.string().optional(),
});
const Multistatus = z.object({
  multistatus: z.object({
    response: z
      .array(
        z.looseObject({
          href: z.string().max(8192),
          propstat: z
            .array(
              z.looseObject({
                status: z.string().max(128),
                prop: z.union([Prop, z.literal('').transform(() => ({}) as z.infer<typeof Prop>)]),
              }),
            )
            .default([]),
        }),
      )
      .default([]),
  }),
});

export interface Found {
  /** Of the URL, decoded. */
  readonly path: string;
  readonly folder: boolean;
  readonly size: number;
  readonly version: string;
  /** The entity tag that a condition may name (RFC 9110, 8.8.3.2: only a strong one matches). */
  readonly tag: string | null;
}

/** @throws KioskError `CAMPUS_BAD_RESPONSE` */
export function parseMultistatus(text: string): Found[] {
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw wrong('it has a document type');
  if (XMLValidator.validate(text) !== true) throw wrong('it is no XML');
  const parser = new XMLParser({
    ignoreAttributes: true,
    removeNSPrefix: true,
    parseTagValue: false,
    isArray: (name) => name === 'response' || name === 'propstat',
  });
  const parsed = Multistatus.safeParse(parser.parse(text));
  if (!parsed.success) throw wrong('it has another form');
  return parsed.data.multistatus.response.map(({ href, propstat }) => {
    const prop = propstat.find(({ status }) => / 200 /.test(`${status} `))?.prop ?? {};
    const size = Number(prop.getcontentlength ?? 0);
    if (!Number.isSafeInteger(size) || size < 0) throw wrong('a size is no number');
    const tag = prop.getetag?.trim();
    // Without the strength: a file server's tag turns strong a second after a write.
    const version = tag?.replace(/^W\//, '').replaceAll('"', '');
    return {
      path: pathOf(href),
      folder:
        typeof prop.resourcetype === 'object' &&
        prop.resourcetype !== null &&
        'collection' in prop.resourcetype,
      size,
      version: version || `date:${prop.getlastmodified ?? ''}:${size}`,
      tag: tag && !tag.startsWith('W/') ? tag : null,
    };
  });
}

/**
 * What is directly in a folder, by name. Names that could lead out of it, or that not every file
 * system can hold, are left alone: they stay on the storage.
 * @param folder the path of the folder's URL, as it was asked for
 */
export function listed(found: readonly Found[], folder: string): Map<string, RemoteEntry> {
  const prefix = pathOf(folder);
  const children = new Map<string, RemoteEntry>();
  for (const { path, folder: isFolder, size, version } of found) {
    if (!path.startsWith(prefix) || path.length <= prefix.length) continue;
    const name = path.slice(prefix.length).replace(/\/$/, '');
    if (!isPortable(name)) continue;
    children.set(name, isFolder ? { kind: 'folder' } : { kind: 'file', size, version });
  }
  return children;
}

function pathOf(href: string): string {
  try {
    return decodeURIComponent(new URL(href, 'http://storage.invalid/').pathname);
  } catch (error) {
    throw new KioskError('CAMPUS_BAD_RESPONSE', 'The storage names a file that is no URL.', {
      cause: error,
    });
  }
}

function wrong(why: string): KioskError {
  return new KioskError('CAMPUS_BAD_RESPONSE', `The storage's listing cannot be used: ${why}.`);
}
