import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuthenticatedClient } from '../../../src/auth/authenticated-client.ts';
import type { Statement } from '../../../src/database/statement.ts';
import type { LeaseRequest } from '../../../src/leases/lease.dto.ts';
import { OutdatedClientError } from '../../../src/leases/lease-issuer.ts';
import { AppError } from '../../../src/platform/problem.ts';
import { connect } from '../../support/connections-harness.ts';
import {
  LEASE_REQUEST,
  LEASED_PAGES,
  type LeasesTestContext,
  openLeasesTestContext,
} from '../../support/leases-test-context.ts';

describe('a lease whose credential is predicted', () => {
  let context: LeasesTestContext;
  /** Names of the statements that ran for leases. */
  let ran: string[];

  beforeEach(async () => {
    context = await openLeasesTestContext();
    ran = [];
    const { failFast } = context.database;
    const rows = failFast.rows.bind(failFast);
    failFast.rows = ((statement: Statement) => {
      ran.push(statement.label ?? '');
      return rows(statement);
    }) as typeof failFast.rows;
  });
  afterEach(() => context?.close());

  const run = (text: string): Promise<unknown> => context.database.run({ text });

  /** The problem's code, or the lease's credential version. */
  async function outcomeOf(work: Promise<{ credential_version: number }>): Promise<string | number> {
    return work.then(
      (lease) => lease.credential_version,
      (error: unknown) => {
        if (error instanceof OutdatedClientError) return 'outdated client';
        if (error instanceof AppError) return error.code;
        throw error;
      },
    );
  }

  /** Requests `count` leases in one turn of the event loop, so that they share a statement. */
  const issueTogether = (client: AuthenticatedClient, count: number, request: LeaseRequest = LEASE_REQUEST) =>
    Array.from({ length: count }, () => context.issue.issue(client, request, 'r'));

  it.each(['gateway', 'token'] as const)('is issued by the short statement, in %s mode', async (mode) => {
    await connect(context.connections, context.clock);
    const client = await context.client();
    const [first, second] = [
      await context.issue.issue(client, { ...LEASE_REQUEST, mode }, 'r'),
      await context.issue.issue(client, { ...LEASE_REQUEST, mode }, 'r'),
    ];
    expect(ran).toEqual(['lease_issue', 'lease_issue_foreseen_one', 'lease_issue_foreseen_one']);
    const [third, fourth] = await Promise.all(issueTogether(client, 2, { ...LEASE_REQUEST, mode }));
    expect(ran.slice(3)).toEqual(['lease_issue_foreseen']);
    for (const together of [third, fourth]) {
      const { lease_id: id, access_token: given, ...described } = together ?? {};
      expect(first).toMatchObject(mode === 'token' ? { ...described, access_token: given } : described);
      expect(await context.records.find(client, String(id))).toMatchObject({ status: 'active', mode });
    }
    const { lease_id: _, access_token: token, ...rest } = second;
    expect(first).toMatchObject(mode === 'token' ? { ...rest, access_token: token } : rest);
    expect(await context.countWritten()).toEqual({ leases: 4, entries: 4 });
    expect(await context.records.find(client, second.lease_id)).toMatchObject({ status: 'active', mode });
  });

  it('is also issued so for a connection that the request names, though there are others', async () => {
    await connect(context.connections, context.clock, { metaUserId: '1' });
    const named = await connect(context.connections, context.clock, { metaUserId: '2' });
    const client = await context.client();
    const request: LeaseRequest = { ...LEASE_REQUEST, connection_id: named };
    for (let n = 0; n < 2; n++)
      expect(await context.issue.issue(client, request, 'r')).toMatchObject({ connection_id: named });
    expect(ran.at(-1)).toBe('lease_issue_foreseen_one');
  });

  it('is searched for if the request names an asset', async () => {
    await connect(context.connections, context.clock, { pages: LEASED_PAGES });
    const client = await context.client();
    for (let n = 0; n < 2; n++) await context.issue.issue(client, { ...LEASE_REQUEST, asset_id: '501' }, 'r');
    expect(ran).toEqual(['lease_issue', 'lease_issue', 'lease_issue']);
  });

  const changes: [string, string, string | number][] = [
    [
      'the connection was revoked',
      `UPDATE connection SET status = 'revoked', revoked_at = now()`,
      'connection_not_found',
    ],
    ['the connection needs a login', `UPDATE connection SET status = 'reauth_required'`, 'reauth_required'],
    ['the connection is another tenant’s', `UPDATE connection SET tenant = 'tenant-b'`, 'connection_not_found'],
    ['the connection is for another product', `UPDATE connection SET product = 'ads'`, 'connection_not_found'],
    ['the token was refreshed', 'UPDATE credential SET version = version + 1', 2],
    ['the token was refused', `UPDATE credential SET health = 'invalid'`, 'reauth_required'],
    ['the token was destroyed', 'UPDATE credential SET secret_id = NULL', 'reauth_required'],
    ['the token ends sooner', `UPDATE credential SET expires_at = '2000-01-01'`, 'reauth_required'],
    ['the client’s key was deleted', 'DELETE FROM client_key', 'outdated client'],
    ['the client’s key has expired', `UPDATE client_key SET expires_at = '2000-01-01'`, 'outdated client'],
    ['the client was deleted', 'UPDATE client SET deleted_at = now()', 'outdated client'],
    ['the client’s policy has changed', 'UPDATE client SET policy_version = policy_version + 1', 'outdated client'],
  ];
  const statements: [string, number][] = [
    ['lease_issue_foreseen_one', 1],
    ['lease_issue_foreseen', 2],
  ];
  describe.each(statements)('by %s', (statement, count) => {
    it.each(changes)('is not issued so after %s', async (_, change, outcome) => {
      await connect(context.connections, context.clock);
      const client = await context.client();
      await context.issue.issue(client, LEASE_REQUEST, 'r');
      const before = await context.countWritten();
      await run(change);
      ran = [];
      const outcomes = await Promise.all(issueTogether(client, count).map(outcomeOf));
      expect(outcomes).toEqual(Array.from({ length: count }, () => outcome));
      expect(ran.slice(0, 2)).toEqual([statement, 'lease_issue']);
      const written = typeof outcome === 'number' ? count : 0;
      expect(await context.countWritten()).toEqual({
        leases: before.leases + written,
        entries: before.entries + written,
      });
    });

    it('is not issued so if the tenant has got a second connection of the product', async () => {
      await connect(context.connections, context.clock, { metaUserId: '1' });
      const client = await context.client();
      await context.issue.issue(client, LEASE_REQUEST, 'r');
      await connect(context.connections, context.clock, { metaUserId: '2' });
      const outcomes = await Promise.all(issueTogether(client, count).map(outcomeOf));
      expect(new Set(outcomes)).toEqual(new Set(['ambiguous_connection']));
      expect(await context.countWritten()).toEqual({ leases: 1, entries: 1 });
    });

    it.each([
      ['audit_entry', { leases: 1, entries: 1 }],
      ['lease', { leases: 1, entries: 1 + count }],
    ])('is not handed out if a trigger drops its row of %s', async (table, written) => {
      await connect(context.connections, context.clock);
      const client = await context.client();
      await context.issue.issue(client, LEASE_REQUEST, 'r');
      await run(`CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`);
      await run(`CREATE TRIGGER t BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION drop_row()`);
      const outcomes = await Promise.allSettled(issueTogether(client, count));
      expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => 'rejected'));
      expect(ran.slice(1)).toContain(statement);
      expect(ran.slice(1)).not.toContain('lease_issue');
      expect(await context.countWritten()).toEqual(written);
    });
  });
});
