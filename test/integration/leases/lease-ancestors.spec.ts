import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/audit/actor.ts';
import type { AuthenticatedClient } from '../../../src/auth/authenticated-client.ts';
import type { GatewayGrant } from '../../../src/leases/gateway-lease-verifier.ts';
import { parseLeaseToken } from '../../../src/leases/lease-token.ts';
import { connect } from '../../support/connections-harness.ts';
import { LEASE_REQUEST, type LeasesTestContext, openLeasesTestContext } from '../../support/leases-test-context.ts';

const PAGES = ['501', '502', '503'].map((id) => ({ id, token: `EAApage${id}` }));

let context: LeasesTestContext;
let client: AuthenticatedClient;
let connectionId: `con_${string}`;

beforeEach(async () => {
  context = await openLeasesTestContext();
  connectionId = await connect(context.connections, context.clock, { pages: PAGES });
  client = await context.client();
});
afterEach(() => context?.close());

async function open(token: string): Promise<GatewayGrant> {
  const grant = await context.check.grant(token);
  if (grant === null) throw new Error('the lease is not good');
  return grant;
}

/** A lease issued in a response to these leases, in place of a Page's token. */
async function replaced(pageId: string, token: string, itemTokens: string[] = []): Promise<string> {
  const items = await Promise.all(itemTokens.map(open));
  const metaToken = `EAApage${pageId}`;
  const given = await context.tokenReplacement.replaceTokens(await open(token), items, [{ metaToken, objectId: null }]);
  return given.get(metaToken) ?? '';
}

const issue = async (ttl = 900) =>
  (await context.issue.issue(client, { ...LEASE_REQUEST, ttl_seconds: ttl }, 'r')).access_token;
const idOf = (token: string) => parseLeaseToken(token)?.leaseId ?? 'lse_none';

/** A lease, one from a response to it, and one from a response to that one. */
async function family(): Promise<[string, string, string]> {
  const parent = await issue();
  const child = await replaced('501', parent);
  return [parent, child, await replaced('502', child)];
}

/** Which of these are valid for a call, during a call, and by introspection, which must agree. */
async function areGood(...tokens: string[]): Promise<boolean[]> {
  const running = await context.check.filterActive(tokens.map(idOf));
  return Promise.all(
    tokens.map(async (token) => {
      const isGood = (await context.check.grant(token)) !== null;
      const { active } = await context.records.introspect(client, token, 'http://x');
      expect([running.has(idOf(token)), active]).toEqual([isGood, isGood]);
      return isGood;
    }),
  );
}

describe('a lease issued in a response', () => {
  const run = (text: string, ...values: unknown[]) => context.database.run({ text, values });
  const endings: [string, (parent: string) => Promise<unknown>][] = [
    ['was ended', (parent) => context.records.end(client, idOf(parent), 'r')],
    ['expired', async () => context.clock.advance(901)],
    ['is gone', (parent) => run('DELETE FROM lease WHERE id = $1', idOf(parent))],
    ['has no credential', () => run('DELETE FROM credential WHERE is_root')],
    ['has no token', () => run('UPDATE credential SET secret_id = NULL WHERE is_root')],
    ['lost its client', () => run('UPDATE client SET deleted_at = now()')],
    ['is no longer covered', () => run(`UPDATE client SET tenants = '{tenant-z}'`)],
    ['needs a login', () => run(`UPDATE connection SET status = 'reauth_required'`)],
    [
      'lost its connection',
      () => context.connections.revoke.revoke(connectionId, { actor: SYSTEM, requestId: null, reason: 't' }),
    ],
  ];

  it.each(endings)('ends with its descendants on the next call after its parent %s', async (_, end) => {
    const leases = await family();
    expect(await areGood(...leases)).toEqual([true, true, true]);
    await end(leases[0]);
    expect(await areGood(...leases)).toEqual([false, false, false]);
  });

  it('ends without its parent or other leases, but with its descendants', async () => {
    const [parent, child, grandchild] = await family();
    const sibling = await replaced('503', parent);
    const stranger = await issue();
    await context.records.end(client, idOf(child), 'r');
    expect(await areGood(parent, child, grandchild, sibling, stranger)).toEqual([true, false, false, true, true]);
    await context.records.end(client, idOf(stranger), 'r');
    expect(await areGood(parent, sibling)).toEqual([true, true]);
  });

  it('is not written if its parent ends first, and reports that', async () => {
    const leases = await family();
    await context.records.end(client, idOf(leases[0]), 'r');
    const rows = await context.database.rows<{ id: string }>({
      text: 'SELECT id FROM lease WHERE ended_at IS NOT NULL',
    });
    expect(rows.map(({ id }) => id)).toEqual([idOf(leases[0])]);
    const records = await Promise.all(leases.map((token) => context.records.find(client, idOf(token))));
    expect(records.map((record) => record?.status)).toEqual(['ended', 'ended', 'ended']);
    expect(
      await context.database.rows({ text: `SELECT 1 FROM audit_entry WHERE action = 'lease.ended'` }),
    ).toHaveLength(1);
  });

  it('expires with its parent instead of counting as ended', async () => {
    const leases = await family();
    context.clock.advance(900);
    const records = await Promise.all(leases.map((token) => context.records.find(client, idOf(token))));
    expect(records.map((record) => record?.status)).toEqual(['expired', 'expired', 'expired']);
  });

  it('is invalid if its row claims to outlive its parent', async () => {
    const [parent, child, grandchild] = await family();
    await run(`UPDATE lease SET expires_at = expires_at + interval '1 day' WHERE id = $1`, idOf(child));
    await context.recomputeMac();
    expect(await areGood(parent, child, grandchild)).toEqual([true, false, true]);
  });

  it('ends with an ancestor whose row was tampered with', async () => {
    const [parent, child, grandchild] = await family();
    await run(`UPDATE lease SET expires_at = expires_at + interval '1 second' WHERE id = $1`, idOf(parent));
    expect(await areGood(parent, child, grandchild)).toEqual([false, false, false]);
    const records = await Promise.all([child, grandchild].map((token) => context.records.find(client, idOf(token))));
    expect(records.map((record) => record?.status)).toEqual(['ended', 'ended']);
  });

  it('ends with any lease of its batch, and expires with the first', async () => {
    const [own, other] = [await issue(900), await issue(600)];
    const items = [own, other, other];
    const first = await replaced('501', own, items);
    expect((await open(first)).leaseExpiresAt).toEqual((await open(other)).leaseExpiresAt);
    expect((await open(first)).ancestorIds).toEqual([idOf(own), idOf(other)]);
    await context.records.end(client, idOf(other), 'r');
    expect(await areGood(own, other, first)).toEqual([true, false, false]);
  });

  it('is not issued if it would have too many ancestors', async () => {
    const [parent, child] = await family();
    const grant = await open(child);
    const before = await context.countWritten();
    const tooMany = { ...grant, ancestorIds: Array.from({ length: 64 }, (_, n) => `lse_${n}` as const) };
    const tokens = [{ metaToken: 'EAApage503', objectId: null }];
    expect(await context.tokenReplacement.replaceTokens(tooMany, [], tokens)).toEqual(new Map());
    expect(await context.countWritten()).toEqual(before);
    expect((await context.tokenReplacement.replaceTokens(await open(parent), [], tokens)).size).toBe(1);
  });
});
