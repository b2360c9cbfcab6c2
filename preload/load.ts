/** Which load of the UI this document belongs to: its own response said so. */

const ENTRY = 'vestibule-load';

/**
 * Read in the isolated world, where no script of the page can put words in.
 * @returns '' where the response named none (pages of the campus)
 */
export function documentLoad(): string {
  for (const entry of performance.getEntriesByType('navigation')) {
    if (!(entry instanceof PerformanceNavigationTiming)) continue;
    const found = entry.serverTiming.find(({ name }) => name === ENTRY);
    if (found) return found.description;
  }
  return '';
}
