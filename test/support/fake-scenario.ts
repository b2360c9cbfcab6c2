/** What the fake kiosk shows unless a test says otherwise: the student screen of the design. */
import type { CatalogueEntry, KioskState, Session } from '../../preload/contract/model.ts';
import type { FakeScenario } from './fake-kiosk.ts';

/** 14:36 on a day in November, in Paris. */
export const NOW = Date.UTC(2026, 10, 20, 13, 36, 40);
export const TIME_ZONE = 'Europe/Paris';
const MINUTE = 60_000;
const GB = 1e9;

const catalogue: CatalogueEntry[] = [
  {
    id: 'windows-chemistry',
    kind: 'vm',
    title: 'Windows 11 — Chemistry',
    subtitle: null,
    icon: { letters: 'W', colour: '#1f5fd6' },
    version: { current: '12', next: null },
    machines: 1,
    savedAt: null,
    keep: 'reset',
    availability: { state: 'ready', offline: true },
  },
  {
    id: 'debian-networks',
    kind: 'vm',
    title: 'Debian — Networks lab',
    subtitle: null,
    icon: { letters: 'D', colour: '#17795e' },
    version: { current: '3', next: null },
    machines: 3,
    savedAt: null,
    keep: 'person',
    availability: { state: 'ready', offline: true },
  },
  {
    id: 'matlab',
    kind: 'vm',
    title: 'Matlab workstation',
    subtitle: null,
    icon: { letters: 'M', colour: '#7a3fb4' },
    version: { current: '4', next: '5' },
    machines: 1,
    savedAt: null,
    keep: 'reset',
    availability: { state: 'updating', startable: true, progress: 0.43, secondsLeft: 350 },
  },
  {
    id: 'staff-desktop',
    kind: 'rdp',
    title: 'Staff desktop',
    subtitle: null,
    icon: { letters: 'R', colour: '#6a7586' },
    version: null,
    machines: 1,
    savedAt: null,
    availability: { state: 'needs-network' },
  },
  {
    id: 'shared-linux',
    kind: 'spice',
    title: 'Shared Linux server',
    subtitle: null,
    icon: { letters: 'S', colour: '#6a7586' },
    version: null,
    machines: 1,
    savedAt: null,
    availability: { state: 'needs-network' },
  },
  {
    id: 'course-site',
    kind: 'web',
    title: { en: 'Course site', fr: 'Site du cours', ar: 'موقع المقرر' },
    subtitle: null,
    icon: { letters: 'E', colour: '#b4533f' },
    version: null,
    machines: 1,
    savedAt: NOW - 38 * MINUTE,
    availability: { state: 'ready', offline: true },
  },
];

const state: KioskState = {
  kiosk: { id: 'b204-07', name: 'b204-07', room: 'B204', seat: '07' },
  campus: {
    name: 'Université · Sciences',
    link: 'backoff',
    since: NOW - 30 * MINUTE,
    dataAsOf: NOW - 34 * MINUTE,
    error: { code: 'CAMPUS_UNREACHABLE', message: 'Refused.' },
  },
  ui: { source: 'fallback', version: '0.1.0' },
  person: { id: 'guest', name: 'Guest', kind: 'guest', groups: [], offline: true },
  home: null,
  signIn: { guests: true, members: true },
  preferences: { locale: 'en', highContrast: false, textScale: 1, reducedMotion: false },
  locales: ['en', 'fr', 'es', 'de', 'ar'],
  outbox: 0,
  returnChord: 'Ctrl+Alt+Home',
  signOutAt: null,
  warnings: [],
};

/** A session as main would list it. */
export function session(change: Partial<Session> & Pick<Session, 'id'>): Session {
  return {
    entryId: 'debian-networks',
    groupId: `g-${change.id}`,
    kind: 'vm',
    title: 'Debian — Networks lab',
    machine: null,
    state: 'running',
    startedAt: NOW - 12_000,
    surface: 'frame',
    shown: false,
    progress: null,
    notices: [],
    question: null,
    error: null,
    ...change,
  };
}

/** @param frameUrl where displays point */
export function scenario(change: Partial<FakeScenario> = {}): FakeScenario {
  return {
    state,
    catalogue,
    sessions: [],
    failures: {},
    silent: [],
    frameUrl: 'http://127.0.0.1:9/',
    facts: {
      manufacturer: 'Dell Inc.',
      model: 'OptiPlex 7010',
      serial: 'B204-07-5XK2',
      firmware: 'uefi',
      secureBoot: true,
      cpu: { model: 'Intel Core i5-13500', cores: 14, threads: 20 },
      memory: { total: 16 * GB, available: 11.2 * GB },
      graphics: ['Intel UHD Graphics 770'],
      displays: [{ name: 'HDMI-1', width: 1920, height: 1080 }],
      disks: [{ device: '/dev/nvme0n1', model: 'Samsung PM9A1', bytes: 512 * GB }],
      network: [
        { name: 'enp0s31f6', mac: '52:54:00:12:34:56', addresses: ['10.20.4.7/24'], up: true },
      ],
      virtualization: { kvm: true, reason: null },
      tpm: true,
      operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
      uptimeSeconds: 7200,
    },
    network: {
      checks: [
        { id: 'link', result: 'ok', detail: 'enp0s31f6: 1000 Mb/s, full duplex', milliseconds: 2 },
        { id: 'address', result: 'ok', detail: '10.20.4.7/24 by DHCP', milliseconds: 1 },
        { id: 'gateway', result: 'ok', detail: '10.20.4.1 answers', milliseconds: 1.4 },
        { id: 'dns', result: 'failed', detail: '10.20.0.53 does not answer', milliseconds: 3000 },
        { id: 'campus', result: 'skipped', detail: 'needs the name service', milliseconds: 0 },
        { id: 'clock', result: 'ok', detail: '0.3 s ahead of the campus', milliseconds: 4 },
      ],
    },
    storage: {
      parts: [
        { id: 'images', path: '/var/lib/vestibule/images', bytes: 143 * GB },
        { id: 'overlays', path: '/var/lib/vestibule/sessions', bytes: 6.2 * GB },
        { id: 'ui', path: '/var/lib/vestibule/ui', bytes: 0.012 * GB },
      ],
      free: 301 * GB,
      total: 480 * GB,
      fileSystem: 'btrfs',
    },
    versions: {
      vestibule: '0.1.0',
      shell: 'Chromium 156.0',
      node: '24.21.0',
      qemu: '7.2.22',
      kernel: '6.1.0-49-amd64',
      ui: '0.1.0',
      manifest: 118,
    },
    certificates: [
      {
        host: 'ts1.lab.example',
        port: 3389,
        fingerprint: '3f1c9a5e07d24b8866cc01f2a9e4d7b53f1c9a5e07d24b8866cc01f2a9e4d7b5',
        firstSeenAt: NOW - 50_000 * MINUTE,
      },
    ],
    images: [
      {
        image: 'windows-chemistry',
        version: '12',
        bytes: 61 * GB,
        current: true,
        pinned: false,
        inUse: false,
        committedAt: NOW - 4000 * MINUTE,
        verifiedAt: NOW - 300 * MINUTE,
      },
      {
        image: 'windows-chemistry',
        version: '11',
        bytes: 59 * GB,
        current: false,
        pinned: true,
        inUse: false,
        committedAt: NOW - 40_000 * MINUTE,
        verifiedAt: null,
      },
    ],
    jobs: [
      {
        id: 'j-matlab',
        kind: 'image.receive',
        title: 'Matlab workstation 5',
        state: 'running',
        progress: 0.43,
        step: 'receiving',
        secondsLeft: 350,
        createdAt: NOW - 9 * MINUTE,
        finishedAt: null,
        error: null,
      },
      {
        id: 'j-old',
        kind: 'image.receive',
        title: 'Debian — Networks lab 2',
        state: 'failed',
        progress: 0.8,
        step: 'verifying',
        secondsLeft: null,
        createdAt: NOW - 300 * MINUTE,
        finishedAt: NOW - 290 * MINUTE,
        error: { code: 'IMAGE_HASH_MISMATCH', message: 'Chunk 81 differs.' },
      },
    ],
    logs: [
      {
        time: NOW - 5000,
        level: 'info',
        scope: 'sessions',
        message: 'a session runs',
        code: null,
        fields: { session: 's-1' },
      },
      {
        time: NOW - 4000,
        level: 'warn',
        scope: 'campus',
        message: 'the campus does not answer',
        code: 'CAMPUS_UNREACHABLE',
        fields: {},
      },
      {
        time: NOW - 3000,
        level: 'error',
        scope: 'images',
        message: 'an image arrived damaged',
        code: 'IMAGE_HASH_MISMATCH',
        fields: { chunk: 81 },
      },
    ],
    install: {
      overview: {
        disks: [],
        boot: { firmware: 'uefi', secureBoot: false, nvram: true, tpm: false },
        source: null,
      },
      plan: null,
      system: null,
    },
    settings: [
      { key: 'campus.url', value: 'https://kiosk.example.org/', source: 'file' },
      { key: 'sessions.max', value: 6, source: 'default' },
      { key: 'kiosk.locale', value: 'en', source: 'manifest' },
    ],
    ...change,
  };
}

/** The scenario's state with changes. */
export function kioskState(change: Partial<KioskState> = {}): KioskState {
  return { ...state, ...change };
}

/** The scenario's catalogue. */
export function entries(): CatalogueEntry[] {
  return structuredClone(catalogue);
}
