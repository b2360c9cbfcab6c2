/** Undoing what a start has made, in reverse. */

/** Later things are undone first; a failure stops nothing. */
export function chain(
  earlier: () => Promise<void>,
  later: () => Promise<void>,
): () => Promise<void> {
  return async () => {
    const results = [await settle(later), await settle(earlier)];
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };
}

async function settle(work: () => Promise<void>): Promise<PromiseSettledResult<void>> {
  const [result] = await Promise.allSettled([work()]);
  return result;
}
