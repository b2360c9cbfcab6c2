/** What crosses between the tests and a shell inside Electron's main process: plain JSON. */
import type {
  OriginRequest,
  OriginResponse,
  PagesOptions,
  ShellOptions,
  ViewOptions,
} from '../../main/shell/shell.ts';

export type WireStart = Omit<ShellOptions, 'serveUi' | 'serveDisplay' | 'onCall'>;
export type WireView = Omit<ViewOptions, 'offline'> & { readonly offline: boolean };
export type WirePages = Omit<PagesOptions, 'serve'>;

/** Who is asked for an answer: an origin of the shell, or a view by its id. */
export interface WireRequest {
  readonly of: string;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | null;
}
export type WireResponse = (Omit<OriginResponse, 'body'> & { readonly body: string | null }) | null;

export function packRequest(of: string, request: OriginRequest): WireRequest {
  const { method, url, headers, body } = request;
  return { of, method, url: url.href, headers: [...headers], body: pack(body ?? null) };
}

export function unpackRequest({ method, url, headers, body }: WireRequest): OriginRequest {
  const bytes = unpack(body);
  return {
    method,
    url: new URL(url),
    headers: new Map(headers),
    ...(bytes === null ? {} : { body: bytes }),
  };
}

export function packResponse(response: OriginResponse | undefined): WireResponse {
  return response === undefined ? null : { ...response, body: pack(response.body) };
}

export function unpackResponse(response: WireResponse): OriginResponse | undefined {
  return response === null ? undefined : { ...response, body: unpack(response.body) };
}

function pack(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('base64');
}

function unpack(text: string | null): Uint8Array | null {
  return text === null ? null : Buffer.from(text, 'base64');
}
