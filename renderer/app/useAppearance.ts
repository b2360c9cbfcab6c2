import { useLayoutEffect } from 'react';
import type { Preferences } from '../../preload/contract/model.ts';

/** Puts contrast, text size and motion on the document, where the style sheets look for them. */
export function useAppearance(preferences: Preferences | undefined): void {
  useLayoutEffect(() => {
    if (preferences === undefined) return;
    const { dataset, style } = document.documentElement;
    dataset.contrast = preferences.highContrast ? 'high' : 'normal';
    dataset.motion = preferences.reducedMotion ? 'reduced' : 'normal';
    style.setProperty('--text-scale', String(preferences.textScale));
  }, [preferences]);
}
