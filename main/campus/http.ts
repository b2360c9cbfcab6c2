/**
 * What the rest of the kiosk may ask of the campus over HTTP. Consumers (the UI cache, the image
 * transports) declare the part they need as a port of their own; `createCampus` gives the whole.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CampusResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

export interface GetOptions extends RequestOptions {
  /** Bytes of the decoded body; more is `CAMPUS_RESPONSE_TOO_LARGE`, noticed while it arrives. */
  readonly maxBytes: number;
  /** Statuses to hand back as they are (304 for conditional requests). Default: 200 only. */
  readonly accept?: readonly number[];
  /**
   * The request carries a secret, or its answer is obeyed without a signature: refuse a server
   * without TLS unless it is this computer.
   */
  readonly confidential?: boolean;
}

export interface PostOptions extends GetOptions {
  readonly json: unknown;
}

export interface DownloadOptions extends RequestOptions {
  /** Exact size in bytes. */
  readonly size: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Bytes in the file so far, of `size`. */
  readonly onProgress?: (bytes: number) => void;
}

/** A request to any web server, as a page makes it. */
export interface PageRequest extends RequestOptions {
  readonly url: string;
  readonly method: string;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
}

/**
 * Every method throws a KioskError: `CAMPUS_UNREACHABLE`, `CAMPUS_TIMEOUT`, `CAMPUS_HTTP_ERROR`
 * (`details.status`), `CAMPUS_CERTIFICATE`, `CAMPUS_REDIRECT_REFUSED`,
 * `CAMPUS_RESPONSE_TOO_LARGE`, `CAMPUS_TOO_SLOW`, `CAMPUS_BAD_RESPONSE`; or the signal's reason.
 *
 * A relative URL is tried on each server of the campus in turn (RFC 2782 order, the one that
 * worked last first); an absolute one only where it points.
 */
export interface CampusHttp {
  get(url: string, options: GetOptions): Promise<CampusResponse>;
  /** Sends JSON once per server that cannot be reached; an answer of any status ends it. */
  post(url: string, options: PostOptions): Promise<CampusResponse>;
  /**
   * Brings a file whole and verified: `path` appears only when size and hash are right. What
   * arrived before a failure stays in `path + '.part'` and is resumed by Range and If-Range.
   * @throws also `DISK_FULL`, `DISK_READ_ONLY`; a wrong hash is `CAMPUS_BAD_RESPONSE`
   */
  download(url: string, path: string, options: DownloadOptions): Promise<void>;
  /**
   * The bytes from `start` up to, not including, `end`; resumed where a connection dies.
   * @throws also `CAMPUS_BAD_RESPONSE` with `details.reason` `no-range`, at once, where the server
   * knows no ranges: {@link whole} reads from such a one
   */
  range(
    url: string,
    start: number,
    end: number,
    options?: RequestOptions,
  ): AsyncIterable<Uint8Array>;
  /** A whole file of any size as it arrives; what breaks off is not resumed. */
  whole(url: string, options?: RequestOptions): AsyncIterable<Uint8Array>;
  /**
   * One exchange with any origin, for pages that are kept: redirects and statuses are handed back
   * as they are, the body is decoded. The campus's authority is believed beside the public ones.
   */
  fetchPage(request: PageRequest): Promise<CampusResponse>;
}
