/** The timetable, hour by hour. 2026-11-20 is a Friday. */
import { describe, expect, test } from 'vitest';
import { isClock, isHours, isOpen } from '../../../main/base/timetable.ts';
import { dueAction, type PowerPolicy } from '../../../main/device/schedule.ts';

const MINUTE = 60_000;
const policy: PowerPolicy = {
  idleMinutes: 30,
  idleAction: 'shutdown',
  openHours: ['Mon-Fri 07:00-21:00'],
  restartAt: '04:30',
};
const at = (time: string, idleMinutes: number, upMinutes = 20_000) => ({
  now: new Date(`2026-11-${time}:00`),
  idleMs: idleMinutes * MINUTE,
  upMs: upMinutes * MINUTE,
});

describe('hours', () => {
  test.each([
    ['Mon-Fri 07:00-21:00', '20T07:00', true],
    ['Mon-Fri 07:00-21:00', '20T21:00', false],
    ['Mon-Fri 07:00-21:00', '21T12:00', false],
    ['Sat 08:00-12:00', '21T11:59', true],
    ['07:00-21:00', '22T12:00', true],
    // Over midnight, and over the end of the week.
    ['Fri 20:00-02:00', '21T01:59', true],
    ['Fri 20:00-02:00', '20T01:59', false],
    ['Sat-Mon 10:00-12:00', '22T11:00', true],
    ['Sat-Mon 10:00-12:00', '24T11:00', false],
  ])('%s at %s: %s', (hours, time, open) => {
    expect(isOpen(hours, new Date(`2026-11-${time}:00`))).toBe(open);
  });

  test.each(['Mon 7:00-9:00', 'Mon-Fre 07:00-09:00', '24:00-25:00', '07:00-07:00', '07:00', ''])(
    '%s is not understood',
    (text) => expect(isHours(text)).toBe(false),
  );

  test('clocks', () => {
    expect(['00:00', '23:59'].every(isClock)).toBe(true);
    expect(['24:00', '4:30', '12:60'].some(isClock)).toBe(false);
  });
});

describe('what is due', () => {
  test('an idle computer goes off outside the hours only, and never before its time', () => {
    expect(dueAction(policy, at('20T22:00', 30))).toBe('shutdown');
    expect(dueAction(policy, at('20T22:00', 29))).toBeNull();
    expect(dueAction(policy, at('20T12:00', 300))).toBeNull();
    expect(dueAction({ ...policy, openHours: [] }, at('20T12:00', 300))).toBe('shutdown');
    expect(dueAction({ ...policy, idleMinutes: null }, at('20T22:00', 900))).toBeNull();
  });

  test('it is restarted once a night, when nobody is there', () => {
    const open = { ...policy, idleMinutes: null };
    expect(dueAction(open, at('20T04:29', 60))).toBeNull();
    expect(dueAction(open, at('20T04:30', 60))).toBe('restart');
    expect(dueAction(open, at('20T04:30', 1))).toBeNull();
    // Somebody worked through the night; not after half past ten.
    expect(dueAction(open, at('20T09:00', 6))).toBe('restart');
    expect(dueAction(open, at('20T10:30', 600))).toBeNull();
    // It has been, or was switched on since.
    expect(dueAction(open, at('20T04:40', 8, 9))).toBeNull();
    expect(dueAction({ ...open, restartAt: null }, at('20T04:30', 60))).toBeNull();
  });

  test('a restart late in the evening counts into the next day', () => {
    expect(dueAction({ ...policy, restartAt: '23:30' }, at('21T02:00', 60))).toBe('restart');
  });
});
