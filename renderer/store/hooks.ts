import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react';
import { type KioskFailure, toFailure } from '../kiosk.ts';
import type { KioskStore, Snapshot } from './store.ts';

export const StoreContext = createContext<KioskStore | null>(null);

export function useStore(): KioskStore {
  const store = useContext(StoreContext);
  if (store === null) throw new Error('useStore needs a StoreContext');
  return store;
}

/** @param select returns a part of the snapshot as it is: a new object each time would never settle */
export function useKiosk<T>(select: (snapshot: Snapshot) => T): T {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, () => select(store.getSnapshot()));
}

/** The kiosk's state, below the screens that wait for it. */
export function useKioskState(): NonNullable<Snapshot['state']> {
  const state = useKiosk((snapshot) => snapshot.state);
  if (state === null) throw new Error('useKioskState is for screens that follow the first state');
  return state;
}

/** The time, which changes at each multiple of `every` milliseconds. */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const tick = () => {
      setNow(Date.now());
      timer = setTimeout(tick, every - (Date.now() % every));
    };
    timer = setTimeout(tick, every - (Date.now() % every));
    return () => clearTimeout(timer);
  }, [every]);
  return now;
}

export interface Asked<T> {
  readonly data: T | null;
  readonly error: KioskFailure | null;
  readonly busy: boolean;
  readonly ask: () => void;
}

/**
 * Asks for something once it is on the screen, and again on `ask()`. The last answer stays while
 * a new one is awaited.
 * @param call must be stable (useCallback): a new one asks again
 */
export function useAsked<T>(
  call: () => Promise<T>,
  options: { atOnce: boolean } = { atOnce: true },
): Asked<T> {
  const [answer, setAnswer] = useState<{
    data: T | null;
    error: KioskFailure | null;
    busy: boolean;
  }>({
    data: null,
    error: null,
    busy: options.atOnce,
  });
  const [round, setRound] = useState(options.atOnce ? 1 : 0);
  useEffect(() => {
    if (round === 0) return;
    let current = true;
    setAnswer((before) => ({ ...before, busy: true }));
    call().then(
      (data) => current && setAnswer({ data, error: null, busy: false }),
      (thrown: unknown) =>
        current && setAnswer((before) => ({ ...before, error: toFailure(thrown), busy: false })),
    );
    return () => {
      current = false;
    };
  }, [call, round]);
  const ask = useCallback(() => setRound((before) => before + 1), []);
  return { ...answer, ask };
}

/** Something that a press asks of the kiosk: under way, or why it failed. */
export interface Submission {
  readonly busy: boolean;
  readonly failure: KioskFailure | null;
  run(go: () => Promise<unknown>): void;
}

export function useSubmission(): Submission {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<KioskFailure | null>(null);
  const run = (go: () => Promise<unknown>): void => {
    setBusy(true);
    setFailure(null);
    go()
      .catch((thrown: unknown) => setFailure(toFailure(thrown)))
      .finally(() => setBusy(false));
  };
  return { busy, failure, run };
}
