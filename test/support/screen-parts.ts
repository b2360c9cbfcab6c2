/** What the screens of the built-in UI are made of: people, sessions, and the steps to a screen. */
import type { Person } from '../../preload/contract/model.ts';
import type { FakeScenario } from './fake-kiosk.ts';
import { kioskState, NOW, session } from './fake-scenario.ts';
import type { OpenOptions, UiPage } from './ui-page.ts';

export interface Screen {
  readonly name: string;
  readonly scenario?: Partial<FakeScenario>;
  readonly options?: OpenOptions;
  readonly arrange?: (ui: UiPage) => Promise<unknown>;
}

export const member: Person = {
  id: 'lhaddad',
  name: 'Lina Haddad',
  kind: 'member',
  groups: ['chemistry'],
  offline: false,
};
export const admin: Person = { ...member, id: 'admin', name: 'Alex Roy', kind: 'admin' };
export const campus = kioskState().campus;
export const online = { ...campus, link: 'online', error: null, dataAsOf: NOW } as const;
export const preferences = kioskState().preferences;

/** In none of the design's tiles, so that they look as they do there. */
export const elsewhere = session({ id: 's-net', entryId: 'gone', groupId: 'g-net' });
export const windows = session({
  id: 's-win',
  entryId: 'windows-chemistry',
  title: 'Windows 11 — Chemistry',
});

const button = (ui: UiPage, name: string) =>
  // A tile's name goes on with its kind and its state.
  ui.page.getByRole('button', { name, exact: true }).or(tile(ui, name));
export const click = (name: string) => (ui: UiPage) => button(ui, name).click();
const tile = (ui: UiPage, title: string) => ui.page.locator('.tile', { hasText: title });
export const dialog = (ui: UiPage) =>
  ui.page.getByRole('dialog').or(ui.page.getByRole('alertdialog')).waitFor();

export async function press(ui: UiPage, name: string): Promise<void> {
  await click(name)(ui);
  await dialog(ui);
}
