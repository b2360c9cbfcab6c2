/** How `vestibule image pack` names files, and how a kiosk finds them in a folder at hand. */
interface Named {
  readonly id: string;
  readonly version: string;
}

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/;

/** True where a version can be part of a file name. */
export function isFileVersion(version: string): boolean {
  return VERSION.test(version);
}

/** The file of stored chunks. */
export function chunksName({ id, version }: Named): string {
  return `${id}-${version}.chunks`;
}

/** The image manifest. */
export function manifestName({ id, version }: Named): string {
  return `${id}-${version}.manifest`;
}
