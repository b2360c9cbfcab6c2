/** The software bill of materials: SPDX 2.3 in JSON, one package an entry, licences as Debian says. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Package } from './inventory.ts';
import { NODE_VERSION } from './node-binary.ts';

export interface SbomOptions {
  /** Of the image. */
  readonly name: string;
  /** SHA-256 of the list of files: makes the document's address unique. */
  readonly digest: string;
  readonly epoch: number;
}

interface Licensed extends Package {
  readonly licences: readonly string[];
}

/** Short names of a machine-readable copyright file (Debian's copyright-format 1.0); else empty. */
export function licencesOf(copyright: string): string[] {
  if (!/^Format:\s*\S*copyright-format/m.test(copyright)) return [];
  const names = [...copyright.matchAll(/^License:[ \t]*(\S.*)$/gm)].map(([, name = '']) =>
    name.trim(),
  );
  return [...new Set(names)].sort();
}

export async function readLicences(
  tree: string,
  packages: readonly Package[],
): Promise<Licensed[]> {
  return Promise.all(
    packages.map(async (item) => {
      const path = join(tree, 'usr/share/doc', item.name, 'copyright');
      const text = await readFile(path, 'utf8').catch(() => '');
      return { ...item, licences: licencesOf(text) };
    }),
  );
}

/** One line a package; where the copyright file names no licences in a form for machines, its path. */
export function licenceList(packages: readonly Licensed[]): string {
  return packages
    .map(
      ({ name, licences }) =>
        `${name}: ${licences.length > 0 ? licences.join(', ') : `see /usr/share/doc/${name}/copyright`}\n`,
    )
    .join('');
}

/** @see https://spdx.github.io/spdx-spec/v2.3/ */
export function spdx(options: SbomOptions, packages: readonly Licensed[]): string {
  const { name, digest, epoch } = options;
  const entries = packages.map((item) => ({
    SPDXID: `SPDXRef-Package-${item.name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`,
    name: item.name,
    versionInfo: item.version,
    supplier: item.name === 'vestibule' ? 'NOASSERTION' : 'Organization: Debian',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    // Debian's short names are not all SPDX identifiers: told as they are, asserted as nothing.
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    ...(item.licences.length === 0 ? {} : { licenseComments: item.licences.join(', ') }),
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:deb/debian/${item.name}@${encodeURIComponent(item.version)}?arch=${item.architecture}`,
      },
    ],
  }));
  entries.push({
    SPDXID: 'SPDXRef-Package-node-npm',
    name: 'node',
    versionInfo: NODE_VERSION,
    supplier: 'Organization: OpenJS Foundation',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: 'MIT',
    copyrightText: 'NOASSERTION',
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:npm/node@${NODE_VERSION}`,
      },
    ],
  });
  return `${JSON.stringify(
    {
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name,
      documentNamespace: `https://ui.vestibule.invalid/spdx/${name}/${digest}`,
      creationInfo: {
        created: new Date(epoch * 1000).toISOString().replace('.000', ''),
        creators: ['Tool: vestibule-rootfs-build'],
      },
      packages: entries,
      relationships: entries.map(({ SPDXID }) => ({
        spdxElementId: 'SPDXRef-DOCUMENT',
        relationshipType: 'DESCRIBES',
        relatedSpdxElement: SPDXID,
      })),
    },
    null,
    1,
  )}\n`;
}
