/**
 * Multicast offers of the campus's manifest (`images[].multicast`): where an image is sent to the
 * room, and how. docs/images.md describes them for administrators.
 */
import { z } from 'zod';
import type { ImageRef } from '../../base/manifest.ts';
import type { Logger } from '../../log/logger.ts';

const InterfaceName = z.string().regex(/^[A-Za-z0-9._-]{1,15}$/);
const Group = z.ipv4().refine((address) => {
  const first = Number(address.split('.')[0]);
  return first >= 224 && first <= 239;
}, 'an IPv4 multicast address, 224.0.0.0 to 239.255.255.255');
const Seconds = z.int().min(1).max(86_400);

export const UdpcastOffer = z.strictObject({
  type: z.literal('udpcast'),
  /** As `udp-sender --portbase`. */
  portbase: z.int().min(1024).max(65_534).multipleOf(2).default(9000),
  interface: InterfaceName.optional(),
  /** As `udp-sender --mcast-rdv-address`; absent: broadcast. */
  rendezvous: Group.optional(),
  /** Only this sender is heard; absent: the first that answers. */
  sender: z.ipv4().optional(),
  /** What is sent: the image itself, or the file of packed chunks. */
  content: z.enum(['image', 'packed']).default('image'),
  /** Of the whole stream. `auto`: as its first bytes say. */
  compression: z.enum(['auto', 'none', 'lzip', 'zstd', 'xz', 'gzip']).default('auto'),
  /** `stock`: the program udp-receiver instead of the kiosk's own receiver. */
  receiver: z.enum(['own', 'stock']).default('own'),
  /** Seconds that the kiosk waits for the start, then during a silence. */
  startTimeout: Seconds.default(60),
  receiveTimeout: Seconds.default(30),
});
export type UdpcastOffer = z.infer<typeof UdpcastOffer>;

export const MulticastOffer = z.strictObject({
  type: z.literal('multicast'),
  group: Group,
  port: z.int().min(1024).max(65_535),
  interface: InterfaceName.optional(),
  /** Only this sender is heard; absent: the first that announces the image. */
  sender: z.ipv4().optional(),
  /** Seconds that the kiosk waits for an announcement, then during a silence. */
  startTimeout: Seconds.default(10),
  receiveTimeout: Seconds.default(10),
});
export type MulticastOffer = z.infer<typeof MulticastOffer>;

const Offer = z.discriminatedUnion('type', [UdpcastOffer, MulticastOffer]);
export type Offer = z.infer<typeof Offer>;

/** The offers of an image that this version understands, in the campus's order. */
export function offersOf(ref: ImageRef, log: Logger): Offer[] {
  const offers: Offer[] = [];
  for (const candidate of ref.multicast ?? []) {
    const parsed = Offer.safeParse(candidate);
    if (parsed.success) offers.push(parsed.data);
    else {
      log.warn('a multicast offer is not understood and is left out', {
        image: ref.id,
        why: z.prettifyError(parsed.error),
      });
    }
  }
  return offers;
}
