import type { Transaction } from '../../database/database.ts';

/**
 * Serialises, until the transaction ends, all that decides by "which connections of this app rest on this Meta user":
 * connecting (the same connection is found, not made twice) and revoking (two at once must not each take the other for alive).
 */
export async function lockMetaUser(tx: Transaction, appId: string, metaUserId: string): Promise<void> {
  await tx.run({
    text: `SELECT pg_advisory_xact_lock(hashtextextended('meta user ' || $1 || ' ' || $2, 0))`,
    values: [appId, metaUserId],
  });
}
