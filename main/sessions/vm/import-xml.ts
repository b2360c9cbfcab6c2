/** Reading machine descriptions that others wrote in XML: bounded, and without entities of their own. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { KioskError } from '../../base/errors.ts';

/** A description is a few kilobytes; this is where reading stops. */
const MAX_LENGTH = 1_000_000;
const MAX_DEPTH = 64;

/** An element: attributes under `@name`, text under `#text`, each child as a list. */
export interface Element {
  readonly [key: string]: unknown;
}

/**
 * @throws KioskError `MACHINE_DESCRIPTION_INVALID` for what is no XML, too large, too deep, or
 * has a document type: entities expand without bound and can name files (XXE)
 */
export function parseXml(text: string): Element {
  const refuse = (why: string): KioskError =>
    new KioskError('MACHINE_DESCRIPTION_INVALID', `The XML description cannot be used: ${why}.`);
  if (text.length > MAX_LENGTH) throw refuse('it is too large');
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw refuse('it has a document type');
  if (depth(text) > MAX_DEPTH) throw refuse('it is nested too deeply');
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw refuse(valid.err.msg);
  const parsed = readTree(text, refuse);
  if (!isElement(parsed)) throw refuse('it is empty');
  return parsed;
}

function readTree(text: string, refuse: (why: string) => KioskError): unknown {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
  });
  try {
    return parser.parse(text);
  } catch (error) {
    // Names such as __proto__, among others.
    throw refuse(error instanceof Error ? error.message : 'it cannot be read');
  }
}

/** Before any recursion: how deep the tags nest, counting only. */
function depth(text: string): number {
  let now = 0;
  let deepest = 0;
  for (const match of text.matchAll(/<(\/?)[A-Za-z_][^<>]*?(\/?)>/g)) {
    if (match[1] === '/') now--;
    else if (match[2] !== '/') deepest = Math.max(deepest, ++now);
  }
  return deepest;
}

/** Every child of that name. */
export function children(element: Element | undefined, name: string): Element[] {
  const value = element?.[name];
  return Array.isArray(value) ? value.map(asElement) : [];
}

/** The first element down this path of names. */
export function child(element: Element | undefined, ...path: string[]): Element | undefined {
  return path.reduce<Element | undefined>((at, name) => children(at, name)[0], element);
}

/** Undefined where the element or the attribute is missing. */
export function attribute(element: Element | undefined, name: string): string | undefined {
  const value = element?.[`@${name}`];
  return typeof value === 'string' ? value : undefined;
}

/** The element's own text, trimmed; undefined where there is none. */
export function text(element: Element | undefined): string | undefined {
  const value = element?.['#text'];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** Names of the element's children. */
export function names(element: Element | undefined): string[] {
  return Object.keys(element ?? {}).filter((key) => !key.startsWith('@') && key !== '#text');
}

/** An element without attributes and children is its text alone in the parser's tree. */
function asElement(value: unknown): Element {
  return isElement(value) ? value : { '#text': typeof value === 'string' ? value : '' };
}

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
