/** UI bundles and a real web server that publishes them, with faults that a test can switch on. */
import { hash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UiBundle } from '../../main/base/manifest.ts';

/** A bundle of these contents; `index.html` is its entry. */
export function bundleOf(version: string, contents: Record<string, string | Uint8Array>): UiBundle {
  return UiBundle.parse({
    version,
    base: `ui/${version}/`,
    files: Object.entries(contents).map(([path, content]) => ({
      path,
      size: Buffer.byteLength(content),
      sha256: hash('sha256', content),
    })),
  });
}

export interface BundleServer {
  /** Base URL, with a slash at its end. */
  readonly url: string;
  /** Paths asked for so far, in order. */
  readonly requests: string[];
  publish(version: string, contents: Record<string, string | Uint8Array>): UiBundle;
  /** Answers for files that were not published, e.g. made by rule. */
  missing: ((path: string) => string | undefined) | undefined;
  /** Answers instead of the file, until undone by `undefined`. */
  fault: ((path: string, response: ServerResponse, content: Buffer) => void) | undefined;
  close(): Promise<void>;
}

export async function startBundleServer(): Promise<BundleServer> {
  const files = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const path = decodeURI(request.url ?? '');
    bundleServer.requests.push(path);
    const made = bundleServer.missing?.(path);
    const content = files.get(path) ?? (made === undefined ? undefined : Buffer.from(made));
    if (content === undefined) {
      response.writeHead(404).end();
    } else if (bundleServer.fault) {
      bundleServer.fault(path, response, content);
    } else {
      response.writeHead(200, { 'content-length': content.length }).end(content);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const bundleServer: BundleServer = {
    url: `http://127.0.0.1:${port}/`,
    requests: [],
    missing: undefined,
    fault: undefined,
    publish(version, contents) {
      for (const [path, content] of Object.entries(contents)) {
        files.set(`/ui/${version}/${path}`, Buffer.from(content));
      }
      return bundleOf(version, contents);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return bundleServer;
}

/** The files of a version: half of them change with each, and each says which version it is of. */
export function versionOf(number: number, count: number): Record<string, string> {
  const files: Record<string, string> = { 'index.html': `version ${number}` };
  for (let index = 0; index < count; index++) {
    const stable = index % 2 === 0;
    files[`asset-${index}.js`] = `${stable ? 'stable' : `version ${number}`} ${index} `.repeat(20);
  }
  return files;
}
