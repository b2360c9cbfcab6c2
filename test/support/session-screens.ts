/** The screens of sessions: what they ask, how they come up, what they show, how they end. */
import type { Session } from '../../preload/contract/model.ts';
import type { FakeScenario } from './fake-kiosk.ts';
import { kioskState, NOW, session } from './fake-scenario.ts';
import {
  elsewhere,
  member,
  online,
  preferences,
  press,
  type Screen,
  windows,
} from './screen-parts.ts';
import type { OpenOptions } from './ui-page.ts';

const MINUTE = 60_000;
const shown = { ...windows, shown: true };

const inSession: Screen = {
  name: 'session',
  scenario: { sessions: [shown, elsewhere] },
  arrange: (ui) => ui.page.locator('iframe[aria-label="Windows 11 — Chemistry"]').waitFor(),
};

const remote = {
  id: 's-desk',
  kind: 'rdp',
  title: 'Staff desktop',
  state: 'preparing',
  surface: 'native',
  shown: true,
} as const;
const credentials = {
  type: 'credentials',
  server: 'desk.lab.example',
  user: 'lhaddad',
  domain: 'LAB',
  error: null,
} as const;
const asking = (question: Session['question']): Partial<FakeScenario> => ({
  state: kioskState({ person: member, campus: online }),
  sessions: [session({ ...remote, question })],
});
const question = (name: string, asked: Session['question'], options?: OpenOptions): Screen => ({
  name,
  scenario: asking(asked),
  ...(options === undefined ? {} : { options }),
  arrange: (ui) => ui.page.locator('form.question').waitFor(),
});
const wrongPassword: Session['question'] = {
  ...credentials,
  error: { code: 'REMOTE_CREDENTIALS_WRONG', message: 'No.', details: { attemptsLeft: 2 } },
};

export const SESSION_SCREENS: readonly Screen[] = [
  question('session-password', credentials),
  question('session-password-wrong', wrongPassword),
  question('session-password-locked', {
    ...credentials,
    user: null,
    domain: null,
    error: {
      code: 'REMOTE_CREDENTIALS_WRONG',
      message: 'No.',
      details: { until: NOW + 5 * MINUTE },
    },
  }),
  question('session-certificate', {
    type: 'certificate',
    server: 'desk.lab.example:3389',
    fingerprint: '0123456789abcdef'.repeat(4),
  }),
  {
    name: 'session-preparing',
    scenario: { sessions: [{ ...shown, state: 'preparing', progress: 0.62 }] },
  },
  {
    name: 'session-launching',
    scenario: {
      sessions: [
        {
          ...shown,
          state: 'launching',
          notices: [{ code: 'MACHINE_SLOW', message: 'No KVM.' }],
        },
      ],
    },
  },
  inSession,
  {
    name: 'session-group',
    scenario: {
      sessions: [1, 2, 3].map((index) =>
        session({
          id: `s-${index}`,
          groupId: 'g',
          machine: ['router', 'server', 'client'][index - 1] ?? null,
          shown: index === 1,
        }),
      ),
    },
    arrange: (ui) =>
      ui.page.locator('iframe[aria-label="Debian — Networks lab · router"]').waitFor(),
  },
  {
    name: 'session-window',
    scenario: {
      sessions: [
        session({
          id: 's-rdp',
          entryId: 'staff-desktop',
          kind: 'rdp',
          title: 'Staff desktop',
          surface: 'native',
          shown: true,
        }),
      ],
    },
  },
  {
    name: 'session-picture-lost',
    scenario: {
      sessions: [shown],
      failures: { 'sessions.display': { code: 'DISPLAY_UNAVAILABLE', message: 'None.' } },
    },
    arrange: (ui) => ui.page.getByText('DISPLAY_UNAVAILABLE').waitFor(),
  },
  {
    name: 'session-failed',
    scenario: {
      sessions: [
        { ...shown, state: 'failed', error: { code: 'MACHINE_CRASHED', message: 'Crashed.' } },
      ],
    },
  },
  { name: 'session-stopping', scenario: { sessions: [{ ...shown, state: 'stopping' }] } },
  {
    ...inSession,
    name: 'session-stop',
    arrange: async (ui) => {
      await inSession.arrange?.(ui);
      await press(ui, 'Stop');
    },
  },
  {
    name: 'session-ar',
    scenario: {
      state: kioskState({ preferences: { ...preferences, locale: 'ar' } }),
      sessions: [{ ...shown, state: 'preparing', progress: 0.3 }, elsewhere],
    },
    arrange: (ui) => ui.page.locator('html[dir=rtl]').waitFor(),
  },
  {
    name: 'session-contrast',
    scenario: {
      state: kioskState({ preferences: { ...preferences, highContrast: true } }),
      sessions: [
        { ...shown, state: 'failed', error: { code: 'NOT_ENOUGH_DISK', message: 'Full.' } },
      ],
    },
  },
  {
    name: 'session-large-text',
    scenario: {
      state: kioskState({ preferences: { ...preferences, textScale: 2 } }),
      sessions: [shown, elsewhere],
    },
    arrange: (ui) => ui.page.locator('iframe[aria-label="Windows 11 — Chemistry"]').waitFor(),
  },
];
