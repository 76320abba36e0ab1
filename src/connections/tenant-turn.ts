/** A tenant with planned work in an index, and whether any of it is due and unclaimed. */
export interface VisitedTenant {
  tenant: string;
  isDue: boolean;
}

/** Whose turn it is, and how much to claim for each. */
export interface TenantShares {
  tenants: string[];
  perTenant: number;
}

/** Tenants visited per statement, so that the cost of a claim does not grow with the number of tenants. */
export const TENANTS_PER_VISIT = 100;
/** Most tenants in line. Visits pause while it is full. */
const MAX_IN_LINE = 1_000;
/** With a longer line, served tenants do not rejoin: the walk is faster than the line and finds them again. */
const MAX_RETURNING = 500;

/**
 * Takes turns among tenants with due work of one kind. A walk over all tenants, in steps, puts those with due work in
 * line. A served tenant goes to the end of the line, one with nothing left leaves it. So neither a tenant with many due
 * rows nor many tenants can hold up another for longer than a round. In memory per replica: losing it costs nothing.
 */
export class TenantTurn {
  private readonly line = new Set<string>();
  private lastVisited = '';

  /** Where the next visit starts: at this tenant, inclusive. Empty: at the first one. */
  get position(): string {
    return this.lastVisited;
  }

  /** Whether the line has room for another visit's results. */
  get hasRoom(): boolean {
    return this.line.size < MAX_IN_LINE;
  }

  /**
   * Records the tenants of a visit, in order. True if it reached the last tenant, so that the next visit starts over.
   */
  visit(visited: readonly VisitedTenant[]): boolean {
    for (const { tenant, isDue } of visited) if (isDue) this.line.add(tenant);
    const last = visited.length < TENANTS_PER_VISIT ? undefined : visited.at(-1);
    this.lastVisited = last?.tenant ?? '';
    return last === undefined;
  }

  /**
   * Takes the next tenants from the line with equal shares of `limit`: all of them, unless fewer tenants with larger
   * shares use it better. None if the line is empty.
   */
  take(limit: number): TenantShares {
    const candidates = [...this.line].slice(0, limit);
    const fewer = Math.ceil(limit / Math.max(1, candidates.length));
    const all = Math.max(1, Math.floor(limit / Math.max(1, candidates.length)));
    const perTenant = Math.floor(limit / fewer) * fewer > candidates.length * all ? fewer : all;
    const tenants = candidates.slice(0, Math.floor(limit / perTenant));
    for (const tenant of tenants) this.line.delete(tenant);
    return { tenants, perTenant };
  }

  /** Puts tenants whose whole share was claimed at the end of the line. `claimed`: the tenant of each claimed row. */
  settle({ tenants, perTenant }: TenantShares, claimed: readonly string[]): void {
    const counts = new Map<string, number>();
    for (const tenant of claimed) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    const unfinished = tenants.filter((tenant) => (counts.get(tenant) ?? 0) >= perTenant);
    for (const tenant of unfinished) if (this.line.size < MAX_RETURNING) this.line.add(tenant);
  }
}

/** Finds and claims due work of one kind. */
export interface DueWork<T> {
  /** At most `TENANTS_PER_VISIT` tenants in order, starting at `from`. */
  visit(from: string): Promise<VisitedTenant[]>;
  claim(shares: TenantShares): Promise<T[]>;
  tenantOf(claimed: T): string;
}

/**
 * Claims up to `limit` with tenants taking turns; what one leaves of its share goes to others in line. Returns nothing
 * only after a whole walk over the tenants found nothing. Rejects only if nothing was claimed.
 */
export async function claimInTurn<T>(turn: TenantTurn, limit: number, work: DueWork<T>): Promise<T[]> {
  const claimed: T[] = [];
  let isWholeWalk = turn.position === '';
  let hasSeenAll = false;
  try {
    while (claimed.length < limit) {
      if (claimed.length === 0 && !hasSeenAll && turn.hasRoom) {
        const hasEnded = turn.visit(await work.visit(turn.position));
        hasSeenAll = hasEnded && isWholeWalk;
        isWholeWalk ||= hasEnded;
      }
      const shares = turn.take(limit - claimed.length);
      if (shares.tenants.length > 0) {
        const found = await work.claim(shares);
        turn.settle(shares, found.map(work.tenantOf));
        claimed.push(...found);
      } else if (hasSeenAll || claimed.length > 0) break;
    }
  } catch (error) {
    // Work on what is already claimed; the next claim will hit the fault again.
    if (claimed.length === 0) throw error;
  }
  return claimed;
}

/** One replica's turns, by app and kind of work. */
export class TenantTurns {
  private readonly turns = new Map<string, TenantTurn>();

  of(work: string, appId: string): TenantTurn {
    const key = `${work} ${appId}`;
    const turn = this.turns.get(key) ?? new TenantTurn();
    this.turns.set(key, turn);
    return turn;
  }
}
