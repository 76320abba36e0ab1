import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AuditLog } from '../../../src/audit/audit-log.ts';
import { CredentialClaimRepository } from '../../../src/connections/credentials/credential-claim.repository.ts';
import type { ClaimedCredential } from '../../../src/connections/credentials/credential-snapshot.ts';
import { CredentialVersionService } from '../../../src/connections/credentials/credential-version.service.ts';
import { type RefreshedVersion, RenewalBatches } from '../../../src/connections/credentials/renewal-batches.ts';
import type { CredentialId } from '../../../src/connections/ids.ts';
import type { Database, Transaction } from '../../../src/database/database.ts';
import { Outbox } from '../../../src/events/outbox/outbox.ts';
import { Clock } from '../../../src/platform/clock.ts';
import { LOGGER } from '../../../src/platform/logger.ts';
import { SecretString } from '../../../src/platform/secret-string.ts';
import { KeyRing } from '../../../src/vault/keys/key-ring.ts';
import { Vault } from '../../../src/vault/vault.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../../support/lifecycle-test-context.ts';

let context: LifecycleTestContext;

beforeAll(async () => {
  context = await openLifecycleTestContext();
});
afterAll(() => context?.close());

/** A connection's root and one of its Pages, claimed, each with a pending version. */
async function openConnection(): Promise<{ root: RefreshedVersion; page: RefreshedVersion }> {
  const { id } = await context.importConnection({ pages: 1 });
  const rows = await context.database.rows<{ id: CredentialId }>({
    text: 'SELECT id FROM credential WHERE connection_id = $1 ORDER BY is_root DESC',
    values: [id],
  });
  const [root, page] = await Promise.all(rows.map((row) => toPending(row.id)));
  if (root === undefined || page === undefined) throw new Error('the connection has no Page');
  return { root, page };
}

async function toPending(id: CredentialId): Promise<RefreshedVersion> {
  const { app } = context.replica;
  const credential = await app.get(CredentialClaimRepository).claimOne(id, 60);
  if (credential === null) throw new Error('the credential is claimed');
  const reported = { expiresAt: null, scopes: null };
  await app.get(CredentialVersionService).storePending(credential, new SecretString(`EAAnew${id}`), reported);
  return { credential, verified: verifiedOf(credential), nextRefreshAt: null, nextCheckAt: new Date(0) };
}

function verifiedOf({ scopes }: ClaimedCredential): RefreshedVersion['verified'] {
  return { scopes, lostScopes: [], issuedAt: null, expiresAt: null };
}

/** A replica's batches. Each pauses after its first statement until all have reached that point. */
function openBatches(errors: unknown[], others: { arrived: number; go: () => void; all: Promise<void> }) {
  const { app } = context.replica;
  const { database } = context;
  const meeting = (work: (tx: Transaction) => Promise<unknown>) => async (tx: Transaction) => {
    let isFirst = true;
    const rows: Transaction['rows'] = async (statement) => {
      const read = await tx.rows(statement);
      if (isFirst) {
        isFirst = false;
        if (++others.arrived >= 2) others.go();
        await others.all;
      }
      return read as never;
    };
    try {
      return await work({ ...tx, rows });
    } catch (error) {
      errors.push(error);
      throw error;
    }
  };
  const longRunning = {
    transaction: (work: (tx: Transaction) => Promise<unknown>, options: object) =>
      database.longRunning.transaction(meeting(work), options),
  };
  return new RenewalBatches(
    { longRunning, durably: database.durably.bind(database) } as unknown as Database,
    app.get(Vault),
    app.get(KeyRing),
    app.get(AuditLog),
    app.get(Outbox),
    app.get(Clock),
    app.get(LOGGER),
  );
}

it('lets two replicas renew roots and Pages of the same connections without a deadlock', async () => {
  const [first, second] = [await openConnection(), await openConnection()];
  const errors: unknown[] = [];
  let go = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    go = resolve;
  });
  const others = { arrived: 0, go, all };
  const [one, other] = [openBatches(errors, others), openBatches(errors, others)];
  const done = await Promise.all([
    one.promote(first.root),
    one.promote(second.page),
    other.promote(second.root),
    other.promote(first.page),
  ]);
  expect(errors).toEqual([]);
  // The first replica wrote both of its renewals; the other did not write both.
  expect([done.slice(0, 2), done.slice(2)].filter((pair) => pair.every((each) => each))).toHaveLength(1);
});
