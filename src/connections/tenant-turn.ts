/** A tenant that has planned work in an index, and whether any of it is due and free. */
export interface VisitedTenant {
  tenant: string;
  isDue: boolean;
}

/** Whose turn it is, and how much may be claimed of each of them. */
export interface TenantShares {
  tenants: string[];
  perTenant: number;
}

/** How many tenants one statement visits: what a claim costs does not grow with the number of tenants. */
export const TENANTS_PER_VISIT = 100;
/** How many tenants are kept in line; a longer one waits for no visits until it is shorter again. */
const MAX_IN_LINE = 1_000;
/** In a longer line, the walk goes faster than the line: who was served is found again when the walk comes by. */
const MAX_RETURNING = 500;

/**
 * Whose turn it is among the tenants that have work of one kind due. A walk over all tenants, in steps, puts those with due work in line;
 * who was served goes to the end of the line, who has nothing left out of it. So neither many due rows of one tenant nor many tenants
 * hold up another for longer than one round. Kept in memory by each replica: where it stands is no state that could be lost.
 */
export class TenantTurn {
  private readonly line = new Set<string>();
  private lastVisited = '';

  /** Where the next visit begins: at this tenant, which is visited once more. Empty: at the first one. */
  get position(): string {
    return this.lastVisited;
  }

  /** Whether there is room in the line for what another visit finds. */
  get hasRoom(): boolean {
    return this.line.size < MAX_IN_LINE;
  }

  /** Records the tenants of a visit, in order. True where it reached the last tenant: the next visit begins with the first one again. */
  visit(visited: readonly VisitedTenant[]): boolean {
    for (const { tenant, isDue } of visited) if (isDue) this.line.add(tenant);
    const last = visited.length < TENANTS_PER_VISIT ? undefined : visited.at(-1);
    this.lastVisited = last?.tenant ?? '';
    return last === undefined;
  }

  /**
   * Takes the next tenants out of the line, with equal shares of `limit`: all of them, unless fewer with more each fill it better. Nobody
   * where the line is empty.
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

  /** Puts the tenants whose share was claimed whole at the end of the line. `claimed`: the tenant of each claimed row. */
  settle({ tenants, perTenant }: TenantShares, claimed: readonly string[]): void {
    const counts = new Map<string, number>();
    for (const tenant of claimed) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    const unfinished = tenants.filter((tenant) => (counts.get(tenant) ?? 0) >= perTenant);
    for (const tenant of unfinished) if (this.line.size < MAX_RETURNING) this.line.add(tenant);
  }
}

/** Where the due work of one kind is. */
export interface DueWork<T> {
  /** At most `TENANTS_PER_VISIT` tenants in order, from this one on. */
  visit(from: string): Promise<VisitedTenant[]>;
  claim(shares: TenantShares): Promise<T[]>;
  tenantOf(claimed: T): string;
}

/**
 * Claims up to `limit` by tenant in turn; what one tenant leaves of its share goes to the others in line. Nothing is returned only after a
 * whole walk over the tenants that found nothing. Rejects only if nothing was claimed.
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
    // What is claimed has to be worked on; the next claim meets the fault again.
    if (claimed.length === 0) throw error;
  }
  return claimed;
}

/** The turns of one replica, by app and kind of work. */
export class TenantTurns {
  private readonly turns = new Map<string, TenantTurn>();

  of(work: string, appId: string): TenantTurn {
    const key = `${work} ${appId}`;
    const turn = this.turns.get(key) ?? new TenantTurn();
    this.turns.set(key, turn);
    return turn;
  }
}
