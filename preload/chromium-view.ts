/** Runs in an isolated world of every frame of a web session under Chromium. There is no bridge. */
import type { Bindings, ViewConfig } from './config.ts';
import { installGuards } from './guards.ts';
import { installStrip } from './strip.ts';

declare const VESTIBULE: ViewConfig;
declare const vestibuleChord: Bindings['vestibuleChord'];

const onChord = (): void => vestibuleChord('');

installGuards({
  chordCode: VESTIBULE.chordCode,
  drops: VESTIBULE.uploads,
  browsing: true,
  onChord,
});
if (window === window.top) {
  installStrip({ title: VESTIBULE.title, backLabel: VESTIBULE.backLabel, onBack: onChord });
}
