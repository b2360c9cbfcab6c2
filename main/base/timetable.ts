/** Hours of the week and of the day, as settings write them; in local time. */

const DAYS: readonly string[] = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const HOURS =
  /^(?:(Sun|Mon|Tue|Wed|Thu|Fri|Sat)(?:-(Sun|Mon|Tue|Wed|Thu|Fri|Sat))? )?(\d\d:\d\d)-(\d\d:\d\d)$/;
const CLOCK = /^(?:[01]\d|2[0-3]):[0-5]\d$/;

/** `Mon-Fri 07:00-21:00`, `Sat 08:00-12:00` or `07:00-21:00`; an end before its start is tomorrow. */
export function isHours(text: string): boolean {
  const [, , , from = '', to = ''] = HOURS.exec(text) ?? [];
  return CLOCK.test(from) && CLOCK.test(to) && from !== to;
}

/** A time of day, `00:00` to `23:59`. */
export function isClock(text: string): boolean {
  return CLOCK.test(text);
}

/** When the clock last showed this time, in milliseconds since 1970. */
export function lastTime(clock: string, now: Date): number {
  const time = new Date(now);
  time.setHours(Number(clock.slice(0, 2)), Number(clock.slice(3)), 0, 0);
  if (time > now) time.setDate(time.getDate() - 1);
  return time.getTime();
}

/** Whether a moment is within such hours. */
export function isOpen(hours: string, now: Date): boolean {
  const [, first, last, from = '', to = ''] = HOURS.exec(hours) ?? [];
  const clock = `${pad(now.getHours())}:${pad(now.getMinutes())}`;
  if (from < to) return clock >= from && clock < to && isDay(first, last, now.getDay());
  // Over midnight: the hours after it belong to the day before.
  if (clock >= from) return isDay(first, last, now.getDay());
  return clock < to && isDay(first, last, (now.getDay() + 6) % 7);
}

function isDay(first: string | undefined, last: string | undefined, day: number): boolean {
  if (first === undefined) return true;
  const from = DAYS.indexOf(first);
  const to = last === undefined ? from : DAYS.indexOf(last);
  return (day - from + 7) % 7 <= (to - from + 7) % 7;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
