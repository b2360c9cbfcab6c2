/**
 * Local machines in the native viewer: the second way to show them, for guests that need more
 * than the frame offers (less processor time, USB, several codecs).
 */
import type { VmEntry } from '../../base/manifest.ts';
import type { AdoptedSession, Engine, RunningSession } from '../engine.ts';
import type { NativeViewer, NativeWindow } from './viewer.ts';

export interface NativeMachinesOptions {
  readonly viewer: NativeViewer;
  /** Asked at each start; also the viewer must be installed. */
  readonly wanted: () => boolean;
}

/** The same engine, with its pictures in windows where that is wanted and possible. */
export function withNativeViewer(
  engine: Engine<VmEntry>,
  { viewer, wanted }: NativeMachinesOptions,
): Engine<VmEntry> {
  const shown = async (running: RunningSession, title: string): Promise<RunningSession> =>
    wanted() && (await viewer.available()) ? inWindow(running, title, viewer) : running;
  const { adopt } = engine;
  return {
    kind: engine.kind,
    surface: engine.surface,
    async start(request) {
      const running = await engine.start(request);
      return await shown(running, text(request.entry.title));
    },
    ...(adopt === undefined
      ? {}
      : {
          async adopt(): Promise<AdoptedSession[]> {
            const sessions = await adopt.call(engine);
            return await Promise.all(
              sessions.map(async (session) => ({
                ...session,
                running: await shown(session.running, text(session.title)),
              })),
            );
          },
        }),
  };
}

/** The window opens when the session is first shown, and again should its viewer have died. */
function inWindow(running: RunningSession, title: string, viewer: NativeViewer): RunningSession {
  const { surface } = running;
  if (surface.type !== 'spice-socket') return running;
  const over = new AbortController();
  let window: Promise<NativeWindow> | undefined;
  const open = (): Promise<NativeWindow> => {
    const opening = viewer.open(
      { endpoint: { type: 'unix', path: surface.path }, password: surface.password },
      title,
      over.signal,
    );
    const forget = (): void => {
      if (window === opening) window = undefined;
    };
    opening.then(({ ended }) => ended.then(forget), forget);
    return opening;
  };
  const ended = running.ended.finally(async () => {
    over.abort();
    await window?.then(
      ({ close }) => close(),
      () => {},
    );
  });
  return {
    surface: {
      type: 'native',
      async show() {
        window ??= open();
        await (await window).surface.show();
      },
      async hide() {
        await (await window)?.surface.hide();
      },
    },
    ended,
    stop: () => running.stop(),
    kill: () => running.kill(),
  };
}

function text(title: VmEntry['title']): string {
  return typeof title === 'string' ? title : (title.en ?? Object.values(title)[0] ?? '');
}
