/** Asks the campus who someone is. The secret lives in one request and nowhere else. */
import { z } from 'zod';
import { KioskError } from '../base/errors.ts';
import type { Manifest } from '../base/manifest.ts';
import type { SignedIn } from './api.ts';
import { ABSENT_STATUSES, endpointAbsent } from './faults.ts';
import type { CampusHttp, CampusResponse } from './http.ts';
import { parseJson } from './json.ts';

const LoginAnswer = z.object({
  person: z.object({
    id: z.string().min(1).max(256),
    name: z.string().min(1).max(256),
    groups: z.array(z.string().max(256)).max(1000).default([]),
  }),
  /** Whether this person may sign in here without the campus later. Default: by the manifest's policy. */
  offline: z.boolean().default(true),
  /** Sent as a bearer token to the personal catalogue; kept in memory only. */
  token: z
    .string()
    .max(8192)
    .regex(/^[\x21-\x7e]+$/)
    .optional(),
});

const MAX_ANSWER_BYTES = 1024 * 1024;

export interface LoginRequest {
  readonly name: string;
  readonly secret: string;
  readonly kioskId: string;
  readonly room: string | null;
}

/**
 * @param url the manifest's `endpoints.login`
 * @throws KioskError `SIGN_IN_WRONG` (401, 403), `SIGN_IN_LOCKED` (423, 429;
 * `details.retryAfterSeconds` where the campus says), `CAMPUS_ENDPOINT_ABSENT` (404, 405, 410, 501), `CAMPUS_*`
 */
export async function login(
  http: Pick<CampusHttp, 'post'>,
  url: string,
  { name, secret, kioskId, room }: LoginRequest,
  { manifest, signal }: { readonly manifest: Manifest; readonly signal?: AbortSignal | undefined },
): Promise<{ person: SignedIn; token: string | undefined }> {
  const answer = await http
    .post(url, {
      json: { name, secret, kiosk: kioskId, room },
      accept: [200, 401, 403, 423, 429, ...ABSENT_STATUSES],
      maxBytes: MAX_ANSWER_BYTES,
      confidential: true,
      ...(signal === undefined ? {} : { signal }),
    })
    .then(demandSuccess);
  const { person, offline, token } = parseJson(LoginAnswer, answer);
  const { adminGroups, offlineSignInDays } = manifest.policy;
  const admin = person.groups.some((group) => adminGroups.includes(group));
  return {
    person: {
      ...person,
      kind: admin ? 'admin' : 'member',
      offlineDays: offline ? offlineSignInDays : 0,
    },
    token,
  };
}

function demandSuccess(answer: CampusResponse): CampusResponse {
  switch (answer.status) {
    case 200:
      return answer;
    case 401:
    case 403:
      throw new KioskError('SIGN_IN_WRONG', 'The campus does not know this name and password.');
    case 423:
    case 429: {
      const seconds = Number(answer.headers['retry-after']);
      throw new KioskError('SIGN_IN_LOCKED', 'The campus has locked this account for a while.', {
        details: Number.isInteger(seconds) && seconds >= 0 ? { retryAfterSeconds: seconds } : {},
      });
    }
    default:
      throw endpointAbsent('login');
  }
}
