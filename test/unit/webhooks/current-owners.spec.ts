import { describe, expect, it } from '@jest/globals';
import type { ConnectionId } from '../../../src/connections/ids.ts';
import { keepCurrentOwners } from '../../../src/webhooks/current-owners.ts';

const of = (connectionId: ConnectionId, businessId: string | null, day: number) => {
  const authorizedAt = new Date(day * 86_400_000);
  return [
    { connectionId, type: 'whatsapp_business_account' as const, id: '77', parentId: null, businessId, authorizedAt },
    { connectionId, type: 'phone_number' as const, id: '55', parentId: '77', businessId: null, authorizedAt },
  ];
};
const kept = (...connections: ReturnType<typeof of>[]) =>
  keepCurrentOwners(connections.flat()).map(({ connectionId, type }) => `${connectionId} ${type}`);

describe('an account that several businesses connected', () => {
  it('belongs to the newest login, with its numbers', () => {
    expect(kept(of('con_new', 'b', 2), of('con_old', 'a', 1))).toEqual([
      'con_new whatsapp_business_account',
      'con_new phone_number',
    ]);
  });

  it('belongs to all connections of the same business, and to those of unknown businesses', () => {
    expect(kept(of('con_1', 'a', 1), of('con_2', 'a', 2), of('con_3', null, 3))).toHaveLength(6);
  });

  it('leaves the earlier connection its other accounts', () => {
    const [account] = of('con_old', 'a', 1);
    if (account === undefined) throw new Error('there is no account');
    const other = { ...account, id: '78' };
    expect(keepCurrentOwners([...of('con_new', 'b', 2), account, other])).toContain(other);
  });
});
