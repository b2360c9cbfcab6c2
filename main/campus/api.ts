/** The campus as the rest of the kiosk sees it: made by `createCampus` (campus.ts). */
import type { Json, WireError } from '../../preload/contract/errors.ts';
import type { LinkState } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import type { Manifest, ManifestEntry, Room } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { CampusHttp } from './http.ts';

/** A key that the kiosk's settings pin. */
export interface TrustedKey {
  readonly id: string;
  /** Base64 of the 32 raw bytes of an Ed25519 public key, or of its SPKI (DER). */
  readonly publicKey: string;
}

/** A folder on a web server that holds `manifest.json`; RFC 2782 priority and weight. */
export interface CampusServer {
  readonly url: string;
  /** The lowest is tried first. Default 0. */
  readonly priority?: number;
  /** Share of the load among equal priorities. Default 1. */
  readonly weight?: number;
}

/** How a computer is recognised as a seat of a room. */
export interface KioskFacts {
  readonly hostname: string;
  readonly macs: readonly string[];
  /** IPv4 and IPv6 addresses, without prefix length. */
  readonly addresses: readonly string[];
  /** Given by the settings: they win over what the manifest recognises. */
  readonly room?: string;
  readonly seat?: string;
}

export interface CampusTimings {
  /** Between two looks for a new manifest while online; jittered by ±10 %. Default 60 000. */
  readonly pollMs?: number;
  /** First and longest pause after a loss, both with full jitter. Default 500 and 10 000. */
  readonly backoffBaseMs?: number;
  readonly backoffCapMs?: number;
  /** To open a connection, TLS included. Default 5 000. */
  readonly connectMs?: number;
  /** To the first byte of the answer, and between two reads of its body. Default 10 000. */
  readonly responseMs?: number;
  /** An answer slower than this many bytes a second over `rateWindowMs` is given up. Default 1024, over 20 000. */
  readonly minBytesPerSecond?: number;
  readonly rateWindowMs?: number;
  /** Tries per server for requests that may be repeated. Default 2. */
  readonly attempts?: number;
}

export interface CampusOptions {
  readonly servers: readonly CampusServer[];
  readonly trustedKeys: readonly TrustedKey[];
  /** PEM certificates of the campus's own authority: then only these are believed. */
  readonly ca?: string;
  /** Lets login, orders and personal catalogues go without TLS to other computers. Default false. */
  readonly allowPlainServices?: boolean;
  /** Reports that are kept, and for how long. Default 5 000 and 30. */
  readonly outboxLimit?: number;
  readonly outboxDays?: number;
  readonly timings?: CampusTimings;
  /** Sent with reports and orders. */
  readonly kioskId: string;
  /** Read at each use: addresses change. */
  readonly facts: () => KioskFacts;
  /** Sent as User-Agent after `Vestibule/`. */
  readonly version: string;
  /** Where `campus.db` and `outbox.db` live. */
  readonly dataFolder: string;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Executes the campus's orders; absent: orders are neither asked for nor acknowledged. */
  readonly orders?: OrderPort;
}

/** The manifest in use: signed, valid, and never older than one accepted before. */
export interface AcceptedManifest {
  readonly manifest: Manifest;
  /** SHA-256 of the exact bytes; changes with each publication. */
  readonly sha256: string;
  /** When the campus last confirmed it. */
  readonly dataAsOf: number;
  /** Past its `expiresAt` by this computer's clock: still used, and said. */
  readonly expired: boolean;
}

export interface LinkStatus {
  readonly state: LinkState;
  /** When the state last changed. */
  readonly since: number;
  /** When the manifest was last confirmed by the campus; null: never. */
  readonly dataAsOf: number | null;
  /** The last failure while not online. */
  readonly error: WireError | null;
  /** Base URL of the server that answers. */
  readonly server: string | null;
}

export interface Place {
  readonly room: Room | null;
  readonly seat: string | null;
}

/** Who the campus says someone is. */
export interface SignedIn {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  /** By membership in one of the manifest's `policy.adminGroups`. */
  readonly kind: 'member' | 'admin';
  /** Whether the kiosk may keep a verifier of the secret, and for how many days (0: never). */
  readonly offlineDays: number;
}

export interface Report {
  /** A stable word, e.g. `session.failed`, `image.committed`. */
  readonly kind: string;
  /** What is dropped first when the outbox is full: info, then warnings, errors last. Default info. */
  readonly level?: 'info' | 'warning' | 'error';
  readonly body?: { [key: string]: Json };
}

/** What the campus may order; one method each, so that an order without an executor does not compile. */
export interface OrderPort {
  refresh(): Promise<void>;
  verifyImage(image: string): Promise<void>;
  power(action: 'shutdown' | 'restart'): Promise<void>;
  /** Begins the unattended installation that the manifest's profile describes. */
  install(profile: string): Promise<void>;
  /** Back to the other system on the disk. */
  rollbackSystem(): Promise<void>;
}

export type CampusEvents = {
  /** Another publication is in use now. */
  manifest: AcceptedManifest;
  /** The state, the error, or the time of the last confirmation changed. */
  link: LinkStatus;
  /** Who may see what changed without the manifest (a personal catalogue arrived). */
  catalogue: { readonly personId: string };
  outbox: { readonly count: number };
};

export interface Campus {
  readonly http: CampusHttp;
  /** null: this kiosk has never accepted one. */
  readonly manifest: AcceptedManifest | null;
  readonly link: LinkStatus;
  readonly outboxCount: number;
  /** Begins to poll, listen and send. The stored manifest is there before. */
  start(): void;
  /** Asks the campus now. @throws KioskError with the reason; the manifest in use stays */
  refresh(signal?: AbortSignal): Promise<void>;
  /** A cable, an address or a route changed: look again soon. `online` false: there is no network. */
  networkChanged(hint?: { readonly online: boolean }): void;
  /**
   * @throws KioskError `SIGN_IN_WRONG`, `SIGN_IN_LOCKED`, `CAMPUS_ENDPOINT_ABSENT` (this campus
   * has no login), `CAMPUS_*` (it could not be asked: the offline login may be tried)
   */
  login(name: string, secret: string, signal?: AbortSignal): Promise<SignedIn>;
  /** Forgets the person's token. */
  signedOut(personId: string): void;
  /** Which room and seat this computer is, by the manifest. */
  place(): Place;
  /** What this person sees here, in order. `guest`: groups is `['guest']` whatever is passed. */
  catalogueFor(person: {
    readonly id: string;
    readonly kind: 'guest' | 'member' | 'admin';
    readonly groups: readonly string[];
  }): ManifestEntry[];
  /** Keeps a report until the campus has it. Never throws. */
  report(report: Report): void;
  on<N extends keyof CampusEvents>(
    event: N,
    listener: (payload: CampusEvents[N]) => void,
  ): () => void;
  close(): Promise<void>;
}
