/** What a failed request says: whether to try again, and whether the server is to blame. */
import { KioskError } from '../base/errors.ts';

const NETWORK: ReadonlySet<string> = new Set([
  'CAMPUS_UNREACHABLE',
  'CAMPUS_TIMEOUT',
  'CAMPUS_TOO_SLOW',
  'CAMPUS_BAD_RESPONSE',
]);

/** True where the same request may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof KioskError)) return false;
  // A server without ranges will have none in a moment either, and is not to blame.
  if (error.details?.reason === 'no-range') return false;
  if (NETWORK.has(error.code)) return true;
  const status = statusOf(error);
  return status !== undefined && (status >= 500 || status === 408 || status === 429);
}

/** The campus was reached, or not even that, and did not answer in time. */
export function isTimeout(error: unknown): boolean {
  return error instanceof KioskError && error.code === 'CAMPUS_TIMEOUT';
}

/** True where another server of the campus should come first for a while. */
export function speaksAgainstServer(error: KioskError): boolean {
  return isTransient(error) || error.code === 'CAMPUS_CERTIFICATE';
}

/** The status of a `CAMPUS_HTTP_ERROR`. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof KioskError) || error.code !== 'CAMPUS_HTTP_ERROR') return undefined;
  const status = error.details?.status;
  return typeof status === 'number' ? status : undefined;
}

/** An answer with a status that the caller has no use for. */
export function httpError(url: URL, status: number): KioskError {
  return new KioskError('CAMPUS_HTTP_ERROR', `${url.origin}${url.pathname} answered ${status}.`, {
    details: { server: url.origin, status },
  });
}

/** How a plain web server says that there is no such service. */
export const ABSENT_STATUSES = [404, 405, 410, 501] as const;

/** The server answered, and has no such service. */
export function saysAbsent(error: unknown): boolean {
  const status = statusOf(error);
  return ABSENT_STATUSES.some((absent) => absent === status);
}

/** @param name of the service, for people who read logs */
export function endpointAbsent(name: string): KioskError {
  return new KioskError('CAMPUS_ENDPOINT_ABSENT', `This campus has no ${name} service.`, {
    details: { endpoint: name },
  });
}
