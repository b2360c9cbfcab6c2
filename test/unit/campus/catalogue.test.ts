import { describe, expect, test } from 'vitest';
import { Manifest } from '../../../main/base/manifest.ts';
import { entriesFor, type Viewer } from '../../../main/campus/catalogue.ts';
import { placeOf } from '../../../main/campus/place.ts';
import { manifestContent } from './support.ts';

const web = (id: string, limits: object = {}) => ({
  id,
  kind: 'web',
  title: id,
  url: 'https://example.org/',
  ...limits,
});
const manifest = Manifest.parse(
  manifestContent({
    catalogue: [
      web('open'),
      web('guests', { groups: ['guest'] }),
      web('chemistry', { groups: ['chemistry', 'staff'] }),
      web('room-only', { rooms: ['b204'] }),
      web('chemistry-b204', { groups: ['chemistry'], rooms: ['b204', 'b205'] }),
    ],
  }),
);
const guest: Viewer = { kind: 'guest', groups: [] };
const chemist: Viewer = { kind: 'member', groups: ['chemistry'] };

describe('entriesFor', () => {
  const ids = (viewer: Viewer, room: string | null, personal: string[] | null = null) =>
    entriesFor(manifest, viewer, room, personal).map((entry) => entry.id);

  test('groups and rooms', () => {
    expect(ids(guest, null)).toEqual(['open', 'guests']);
    expect(ids(guest, 'b204')).toEqual(['open', 'guests', 'room-only']);
    expect(ids(chemist, null)).toEqual(['open', 'chemistry']);
    expect(ids(chemist, 'b205')).toEqual(['open', 'chemistry', 'chemistry-b204']);
    expect(ids({ kind: 'member', groups: ['staff'] }, 'b205')).toEqual(['open', 'chemistry']);
  });

  test('a guest with groups is a guest all the same', () => {
    expect(ids({ kind: 'guest', groups: ['chemistry'] }, null)).toEqual(['open', 'guests']);
  });

  test('a personal catalogue narrows and sorts, and never adds', () => {
    expect(ids(chemist, 'b204', ['chemistry', 'open'])).toEqual(['chemistry', 'open']);
    expect(ids(chemist, null, ['guests', 'chemistry-b204', 'nowhere', 'open', 'open'])).toEqual([
      'open',
    ]);
    expect(ids(chemist, null, [])).toEqual([]);
  });
});

describe('placeOf', () => {
  const { rooms } = Manifest.parse(
    manifestContent({
      rooms: [
        {
          id: 'building',
          name: 'Building B',
          match: { subnets: ['10.2.0.0/16', '2001:db8:2::/48', 'nonsense'] },
        },
        {
          id: 'b204',
          name: 'B204',
          match: {
            subnets: ['10.2.4.0/24'],
            hostnames: ['PC-B204-07'],
            macs: ['AA-BB-CC-00-00-09'],
          },
          seats: { 'pc-b204-07': '07', 'aa:bb:cc:00:00:09': '09' },
        },
      ],
    }),
  );
  const facts = { hostname: 'unknown', macs: [], addresses: [] };
  const place = (change: object) => {
    const { room, seat } = placeOf(rooms, { ...facts, ...change });
    return [room?.id ?? null, seat];
  };

  test.each<[string, object, (string | null)[]]>([
    ['nothing matches', { addresses: ['192.0.2.1', 'not an address'] }, [null, null]],
    ['a subnet', { addresses: ['10.2.9.1'] }, ['building', null]],
    ['the narrower subnet', { addresses: ['10.2.4.30'] }, ['b204', null]],
    ['IPv6 with a zone', { addresses: ['2001:db8:2::7%eth0'] }, ['building', null]],
    ['IPv4 mapped into IPv6', { addresses: ['::ffff:10.2.4.30'] }, ['b204', null]],
    ['a host name', { hostname: 'pc-b204-07' }, ['b204', '07']],
    ['a host name with its domain', { hostname: 'PC-b204-07.lab.example.org.' }, ['b204', '07']],
    [
      'a MAC address over a subnet',
      { macs: ['aa:bb:cc:00:00:09'], addresses: ['10.2.9.1'] },
      ['b204', '09'],
    ],
    [
      'the settings over all',
      { hostname: 'pc-b204-07', room: 'building', seat: '1' },
      ['building', '1'],
    ],
    ['a room of the settings that is gone', { room: 'a1', seat: '1' }, [null, '1']],
  ])('%s', (_name, change, expected) => {
    expect(place(change)).toEqual(expected);
  });
});
