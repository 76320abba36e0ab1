import { describe, expect, it } from '@jest/globals';
import {
  claimInTurn,
  type DueWork,
  TENANTS_PER_VISIT,
  TenantTurn,
  TenantTurns,
} from '../../../src/connections/tenant-turn.ts';

/** Due rows by tenant, and how a visit and a claim treat them. */
class Backlog implements DueWork<string> {
  visits = 0;
  readonly left: Map<string, number>;

  constructor(due: Readonly<Record<string, number>>) {
    this.left = new Map(Object.entries(due));
  }

  readonly visit: DueWork<string>['visit'] = async (from) => {
    this.visits++;
    const tenants = [...this.left.keys()].filter((tenant) => tenant >= from).sort();
    return tenants.slice(0, TENANTS_PER_VISIT).map((tenant) => ({ tenant, isDue: (this.left.get(tenant) ?? 0) > 0 }));
  };

  readonly claim: DueWork<string>['claim'] = async ({ tenants, perTenant }) =>
    tenants.flatMap((tenant) => {
      const had = this.left.get(tenant) ?? 0;
      this.left.set(tenant, Math.max(0, had - perTenant));
      return Array<string>(Math.min(perTenant, had)).fill(tenant);
    });

  readonly tenantOf = (tenant: string): string => tenant;
}

function count(claimed: readonly string[]): Record<string, number> {
  return Object.fromEntries([...new Set(claimed)].map((one) => [one, claimed.filter((other) => other === one).length]));
}

function names(number: number): string[] {
  return Array.from({ length: number }, (_, index) => `t${String(index).padStart(6, '0')}`);
}

describe('a turn', () => {
  const waiting = (tenants: readonly string[]): TenantTurn => {
    const turn = new TenantTurn();
    turn.visit(tenants.map((tenant) => ({ tenant, isDue: true })));
    return turn;
  };

  it.each([
    { limit: 8, of: 2, tenants: 2, perTenant: 4 },
    { limit: 7, of: 2, tenants: 2, perTenant: 3 },
    { limit: 32, of: 3, tenants: 3, perTenant: 10 },
    { limit: 32, of: 90, tenants: 32, perTenant: 1 },
    { limit: 50, of: 26, tenants: 25, perTenant: 2 },
    { limit: 1, of: 3, tenants: 1, perTenant: 1 },
    { limit: 8, of: 0, tenants: 0 },
  ])('gives equal shares of $limit to $of tenants', ({ limit, of, tenants, perTenant }) => {
    const shares = waiting(names(of)).take(limit);
    expect(shares.tenants).toEqual(names(of).slice(0, tenants));
    if (perTenant !== undefined) expect(shares.perTenant).toBe(perTenant);
  });

  it('serves tenants one after another if there are more than may be claimed', () => {
    const turn = waiting(['a', 'b', 'c']);
    const served = Array.from({ length: 6 }, () => {
      const shares = turn.take(1);
      turn.settle(shares, shares.tenants);
      return shares.tenants;
    });
    expect(served).toEqual([['a'], ['b'], ['c'], ['a'], ['b'], ['c']]);
  });

  it('keeps waiting tenants at the head of the line', () => {
    const turn = waiting(names(26));
    const first = turn.take(50);
    turn.settle(
      first,
      first.tenants.flatMap((tenant) => [tenant, tenant]),
    );
    expect(turn.take(1).tenants).toEqual([names(26).at(-1)]);
  });

  it('drops tenants that did not use up their share, and does not add tenants with nothing due', () => {
    const turn = new TenantTurn();
    turn.visit([
      { tenant: 'a', isDue: true },
      { tenant: 'b', isDue: false },
      { tenant: 'c', isDue: true },
    ]);
    turn.settle(turn.take(4), ['a', 'a', 'c']);
    expect(turn.take(4)).toEqual({ tenants: ['a'], perTenant: 4 });
    expect(turn.take(4).tenants).toEqual([]);
  });

  it('continues where it stopped, and starts over after the last tenant', () => {
    const turn = new TenantTurn();
    const page = names(TENANTS_PER_VISIT).map((tenant) => ({ tenant, isDue: false }));
    expect(turn.position).toBe('');
    expect(turn.visit(page)).toBe(false);
    expect(turn.position).toBe(page.at(-1)?.tenant);
    expect(turn.visit(page.slice(-1))).toBe(true);
    expect(turn.position).toBe('');
  });

  it('is separate for each app and kind of work', () => {
    const turns = new TenantTurns();
    expect(turns.of('checks', '1')).toBe(turns.of('checks', '1'));
    expect(turns.of('checks', '1')).not.toBe(turns.of('checks', '2'));
    expect(turns.of('checks', '1')).not.toBe(turns.of('refreshes', '1'));
  });
});

describe('claims with tenants taking turns', () => {
  it('include a small tenant in the first claim, however much others have due', async () => {
    const work = new Backlog({ large: 100_000, small: 3 });
    const turn = new TenantTurn();
    expect(count(await claimInTurn(turn, 8, work))).toEqual({ large: 5, small: 3 });
    expect(count(await claimInTurn(turn, 8, work))).toEqual({ large: 8 });
  });

  it('reach every tenant in a round, even one at a time', async () => {
    const due = Object.fromEntries(names(5).map((tenant) => [tenant, 1_000]));
    const turn = new TenantTurn();
    const work = new Backlog(due);
    const claimed: string[] = [];
    while (claimed.length < 5) claimed.push(...(await claimInTurn(turn, 1, work)));
    expect(count(claimed)).toEqual(Object.fromEntries(names(5).map((tenant) => [tenant, 1])));
  });

  it('visit no more tenants than one statement covers while there is work in line', async () => {
    const work = new Backlog(Object.fromEntries(names(5_000).map((tenant) => [tenant, 2])));
    const turn = new TenantTurn();
    expect(await claimInTurn(turn, 32, work)).toHaveLength(32);
    expect(work.visits).toBe(1);
  });

  it('find the only tenant with work among thousands from any position, and eventually everything', async () => {
    const [first = '', second = '', ...others] = names(2_500);
    const work = new Backlog({ [first]: 1, [second]: 0, ...Object.fromEntries(others.map((one) => [one, 0])) });
    const turn = new TenantTurn();
    expect(await claimInTurn(turn, 32, work)).toEqual([first]);
    expect(turn.position).not.toBe('');
    work.left.set(second, 40);
    const claimed: string[] = [];
    for (let found = await claimInTurn(turn, 32, work); found.length > 0; found = await claimInTurn(turn, 32, work))
      claimed.push(...found);
    expect(count(claimed)).toEqual({ [second]: 40 });
  });

  it('serve thousands of busy tenants equally often', async () => {
    const tenants = names(3_000);
    const work = new Backlog(Object.fromEntries(tenants.map((tenant) => [tenant, 1_000])));
    const turn = new TenantTurn();
    const claimed: string[] = [];
    while (claimed.length < 2 * tenants.length) claimed.push(...(await claimInTurn(turn, 50, work)));
    const counts = tenants.map((tenant) => 1_000 - (work.left.get(tenant) ?? 0));
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4);
  });

  it('keep what was claimed before a failure, and throw only if nothing was', async () => {
    const work = new Backlog({ large: 100, small: 1 });
    let isBroken = false;
    const failing: DueWork<string> = {
      ...work,
      claim: async (shares) => {
        if (isBroken) throw new Error('gone');
        isBroken = true;
        return work.claim(shares);
      },
    };
    const turn = new TenantTurn();
    expect(count(await claimInTurn(turn, 8, failing))).toEqual({ large: 4, small: 1 });
    await expect(claimInTurn(turn, 8, failing)).rejects.toThrow('gone');
  });

  it("end when rows look due but can't be claimed, such as rows locked by a transaction", async () => {
    const work = new Backlog(Object.fromEntries(names(250).map((tenant) => [tenant, 1])));
    const locked: DueWork<string> = { ...work, claim: async () => [] };
    expect(await claimInTurn(new TenantTurn(), 8, locked)).toEqual([]);
  });
});
