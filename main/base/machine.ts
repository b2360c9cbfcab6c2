/**
 * State machines as tables: pure, exhaustive, readable at a glance. An event that the table lacks
 * is rejected by the caller's choice: {@link next} answers undefined and changes nothing.
 */
export type Table<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>;

/** The state after `event`, or undefined where the table has no such transition. */
export function next<S extends string, E extends string>(
  table: Table<S, E>,
  state: S,
  event: E,
): S | undefined {
  return table[state][event];
}

/** States that no event leaves. */
export function terminal<S extends string, E extends string>(table: Table<S, E>): S[] {
  return (Object.keys(table) as S[]).filter((state) => Object.keys(table[state]).length === 0);
}
