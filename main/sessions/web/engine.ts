/**
 * Web sessions: a page of the catalogue in a view without the bridge, with a storage of its own
 * that is wiped at its end.
 */
import { KioskError } from '../../base/errors.ts';
import type { WebEntry } from '../../base/manifest.ts';
import type { Engine, RunningSession, StartRequest } from '../engine.ts';

/** What the engine needs of the shell; a view settles `closed` once its storage is wiped. */
export interface ViewPort {
  open(options: {
    readonly id: string;
    readonly entryId: string;
    readonly title: WebEntry['title'];
    readonly url: string;
    readonly hosts: readonly string[];
    readonly downloads: boolean;
    readonly uploads: boolean;
    readonly print: boolean;
    readonly saved: boolean;
  }): Promise<{
    readonly closed: Promise<{ readonly crashed: boolean }>;
    show(): Promise<void>;
    hide(): Promise<void>;
    close(): Promise<void>;
  }>;
}

export function createWebEngine(views: ViewPort): Engine<WebEntry> {
  return {
    kind: 'web',
    surface: 'view',
    async start(request: StartRequest<WebEntry>): Promise<RunningSession> {
      const { entry } = request;
      request.launching();
      const view = await views.open({
        id: request.sessionId,
        entryId: entry.id,
        title: entry.title,
        url: entry.url,
        hosts: entry.hosts ?? [new URL(entry.url).hostname],
        downloads: entry.downloads,
        uploads: entry.uploads,
        print: entry.print,
        saved: entry.saved.length > 0,
      });
      if (request.signal.aborted) {
        await view.close();
        throw new KioskError('CANCELLED', 'The session was stopped while it started.');
      }
      return {
        surface: { type: 'view', show: () => view.show(), hide: () => view.hide() },
        ended: view.closed.then(({ crashed }) =>
          crashed
            ? {
                error: {
                  code: 'UI_CRASHED' as const,
                  message: 'The page of this session crashed.',
                },
              }
            : {},
        ),
        stop: () => view.close(),
        kill: () => view.close(),
      };
    },
  };
}
