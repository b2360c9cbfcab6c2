import { describe, expect, test } from 'vitest';
import { ManifestEntry } from '../../../main/base/manifest.ts';
import {
  type CatalogueSources,
  type ImageStatus,
  toCatalogueEntry,
} from '../../../main/bridge/catalogue-view.ts';
import { CatalogueEntry } from '../../../preload/contract/model.ts';

const machine = ManifestEntry.parse({
  id: 'chem',
  kind: 'vm',
  title: { en: 'Chemistry', fr: 'Chimie' },
  machines: [
    { name: 'a', image: 'win', description: {} },
    { name: 'b', image: 'win', description: {} },
  ],
});
const web = ManifestEntry.parse({
  id: 'site',
  kind: 'web',
  title: 'Site',
  url: 'https://x.example/',
});
const rdp = ManifestEntry.parse({ id: 'staff', kind: 'rdp', title: 'Staff', target: {} });

const complete: ImageStatus = {
  current: '12',
  next: null,
  progress: null,
  secondsLeft: null,
  error: null,
};
const sources = (change: Partial<CatalogueSources> = {}): CatalogueSources => ({
  image: () => complete,
  savedAt: () => null,
  online: true,
  engines: new Set(['vm', 'web', 'rdp', 'spice']),
  ...change,
});
const available = (entry: ManifestEntry, change?: Partial<CatalogueSources>) => {
  const view = toCatalogueEntry(entry, sources(change));
  expect(CatalogueEntry.safeParse(view).error).toBeUndefined();
  return view.availability;
};

describe('a machine', () => {
  test('with its image works offline', () => {
    expect(available(machine, { online: false })).toEqual({ state: 'ready', offline: true });
  });
  test('being updated starts from the version that is there', () => {
    const status = { current: '4', next: '5', progress: 0.43, secondsLeft: 360, error: null };
    expect(available(machine, { image: () => status })).toEqual({
      state: 'updating',
      startable: true,
      progress: 0.43,
      secondsLeft: 360,
    });
  });
  test('whose first image arrives cannot start yet', () => {
    const status = { current: null, next: '1', progress: 0, secondsLeft: null, error: null };
    expect(available(machine, { image: () => status })).toMatchObject({ startable: false });
  });
  test('without image needs the network when offline, and is unavailable online', () => {
    const status = { ...complete, current: null };
    expect(available(machine, { image: () => status, online: false }).state).toBe('needs-network');
    expect(available(machine, { image: () => status })).toMatchObject({
      error: { code: 'MACHINE_IMAGE_MISSING' },
    });
  });
  test('whose image does not arrive says why', () => {
    const error = { code: 'DISK_FULL', message: 'Full.' } as const;
    const status = { ...complete, current: null, next: '1', error };
    expect(available(machine, { image: () => status })).toEqual({ state: 'unavailable', error });
    expect(available(machine, { image: () => ({ ...complete, next: '13', error }) }).state).toBe(
      'ready',
    );
  });
  test('whose image the campus forgot says which', () => {
    expect(available(machine, { image: () => undefined })).toMatchObject({
      error: { message: expect.stringContaining('win') },
    });
  });
});

test('a web page works offline only with a saved copy', () => {
  expect(available(web)).toEqual({ state: 'ready', offline: false });
  expect(available(web, { online: false })).toEqual({ state: 'needs-network' });
  expect(available(web, { online: false, savedAt: () => 5 })).toEqual({
    state: 'ready',
    offline: true,
  });
});

test('a remote desktop needs the network', () => {
  expect(available(rdp, { online: false })).toEqual({ state: 'needs-network' });
});

test('a kind without an engine is shown with its reason', () => {
  expect(available(rdp, { engines: new Set() })).toMatchObject({
    error: { code: 'ENGINE_MISSING' },
  });
});

test('icons are stable and have a letter', () => {
  const icon = toCatalogueEntry(machine, sources()).icon;
  expect(icon.letters).toBe('C');
  expect(icon).toEqual(toCatalogueEntry(machine, sources()).icon);
});
