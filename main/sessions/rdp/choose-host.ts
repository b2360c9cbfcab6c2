/** Which of an entry's hosts a session goes to: the least loaded that answers. */
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { ProbeAnswer } from './probe.ts';
import type { RdpHost } from './target.ts';

export interface ChosenHost extends ProbeAnswer {
  readonly host: RdpHost;
}

/**
 * Looks at the hosts one after the other, by load, equal ones in random order so that a room
 * spreads over them. A host that does not answer or does not speak RDP is passed over; one whose
 * certificate is wrong ends the search: another host must not hide an attack.
 *
 * @param look throws KioskError as `probe` does
 * @param random 0 to 1, 1 excluded
 * @throws the first host's KioskError where none answers
 */
export async function chooseHost(
  hosts: readonly RdpHost[],
  look: (host: RdpHost) => Promise<ProbeAnswer>,
  random: () => number,
  log: Logger,
): Promise<ChosenHost> {
  const order = hosts
    .map((host) => ({ host, lot: random() }))
    .sort((a, b) => a.host.load - b.host.load || a.lot - b.lot)
    .map(({ host }) => host);
  let first: KioskError | undefined;
  for (const host of order) {
    try {
      return { host, ...(await look(host)) };
    } catch (error) {
      const passable =
        error instanceof KioskError &&
        (error.code === 'REMOTE_REFUSED' || error.code === 'REMOTE_NEGOTIATION_FAILED');
      if (!passable) throw error;
      first ??= error;
      log.warn('an RDP host is passed over', {
        code: error.code,
        host: host.host,
        port: host.port,
        reason: error.message,
      });
    }
  }
  throw first ?? new KioskError('REMOTE_REFUSED', 'The entry lists no host.');
}
