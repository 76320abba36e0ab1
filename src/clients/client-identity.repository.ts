import type { ClientIdentity } from '../auth/client-row.ts';
import type { Transaction } from '../database/database.ts';
import { AppError } from '../platform/problem.ts';
import { identityTaken } from './client-rules.ts';

/** Gives a client these identities and no others. Throws 409 `identity_taken` where one is another client's. */
export async function replaceIdentities(
  tx: Transaction,
  clientId: string,
  identities: readonly ClientIdentity[],
): Promise<void> {
  await deleteIdentities(tx, clientId);
  const taken = await tx.run({
    text: `INSERT INTO client_identity (issuer, subject, audience, client_id)
      SELECT w.issuer, w.subject, w.audience, $1 FROM unnest($2::text[], $3::text[], $4::text[]) AS w (issuer, subject, audience)
      ORDER BY w.issuer, w.subject, w.audience ON CONFLICT DO NOTHING`,
    values: [
      clientId,
      identities.map(({ issuer }) => issuer),
      identities.map(({ subject }) => subject),
      identities.map(({ audience }) => audience),
    ],
  });
  if (taken < identities.length) throw new AppError(identityTaken);
}

export async function deleteIdentities(tx: Transaction, clientId: string): Promise<void> {
  await tx.run({ text: 'DELETE FROM client_identity WHERE client_id = $1', values: [clientId] });
}
