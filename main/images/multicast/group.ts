/** Who receives in a session, how well, and at which rate the group is served. */

/** Loss from which a receiver (or the group) counts as overrun; random loss is far below. */
const OVERRUN = 0.15;
const HOPELESS = 0.25;
/** Bad reports in a row after which a receiver that the rest outruns is dropped. */
const PATIENCE = 4;
/** Milliseconds of silence after which a receiver is not waited for. */
const SILENCE_MS = 5_000;

export interface Member {
  readonly address: string;
  readonly port: number;
  loss: number;
  bad: number;
  heardAt: number;
  state: 'receiving' | 'done' | 'dropped';
}

export interface RatePolicy {
  /** Bytes per second. */
  readonly maxRate: number;
  readonly minRate: number;
}

export class Group {
  readonly #policy: RatePolicy;
  readonly #members = new Map<string, Member>();
  /** Bytes per second. */
  rate: number;

  constructor(policy: RatePolicy) {
    this.#policy = policy;
    this.rate = policy.maxRate;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** Those for whom the session goes on. */
  active(now: number): Member[] {
    return this.members.filter(
      ({ state, heardAt }) => state === 'receiving' && now - heardAt < SILENCE_MS,
    );
  }

  /** The receiver at an address, as of now. */
  heard(address: string, port: number, now: number): Member {
    const key = `${address}:${port}`;
    let member = this.#members.get(key);
    if (!member) {
      member = { address, port, loss: 0, bad: 0, heardAt: now, state: 'receiving' };
      this.#members.set(key, member);
    }
    member.heardAt = now;
    return member;
  }

  /** True where the receiver is overrun while the others are not: it does not hold them up. */
  isLaggard(member: Member, now: number): boolean {
    return member.loss >= OVERRUN && this.#median(now) < OVERRUN;
  }

  /**
   * Suits the rate to most receivers and finds those to drop: called a few times a second.
   * @returns the receivers that were dropped just now
   */
  adjust(now: number): Member[] {
    const median = this.#median(now);
    const { maxRate, minRate } = this.#policy;
    this.rate =
      median >= OVERRUN ? Math.max(minRate, this.rate * 0.8) : Math.min(maxRate, this.rate * 1.05);
    const dropped: Member[] = [];
    for (const member of this.active(now)) {
      member.bad = member.loss >= HOPELESS && median < OVERRUN ? member.bad + 1 : 0;
      if (member.bad < PATIENCE) continue;
      member.state = 'dropped';
      dropped.push(member);
    }
    return dropped;
  }

  /** The lower middle: of two receivers, the better one sets the rate. */
  #median(now: number): number {
    const losses = this.active(now)
      .map(({ loss }) => loss)
      .sort((a, b) => a - b);
    return losses[(losses.length - 1) >> 1] ?? 0;
  }
}
