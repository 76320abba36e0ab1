import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { ClientId } from './ids.ts';

const insertStatement = defineStatement<{
  clientId: ClientId;
  issuers: readonly string[];
  subjects: readonly string[];
  audiences: readonly string[];
}>(
  'client_identity_insert',
  ({ clientId, issuers, subjects, audiences }) => sql`INSERT INTO client_identity (issuer, subject, audience, client_id)
    SELECT w.issuer, w.subject, w.audience, ${clientId}
    FROM unnest(${issuers}::text[], ${subjects}::text[], ${audiences}::text[]) AS w (issuer, subject, audience)
    ORDER BY w.issuer, w.subject, w.audience ON CONFLICT DO NOTHING`,
);

const deleteStatement = defineStatement<{ clientId: ClientId }>(
  'client_identity_delete',
  ({ clientId }) => sql`DELETE FROM client_identity WHERE client_id = ${clientId}`,
);

/** Sets a client's identities, replacing all others. False if one belongs to another client; the transaction must then not commit. */
export async function replaceIdentities(
  tx: SqlExecutor,
  clientId: ClientId,
  identities: readonly ClientIdentity[],
): Promise<boolean> {
  await deleteIdentities(tx, clientId);
  const inserted = await tx.run(
    insertStatement({
      clientId,
      issuers: identities.map(({ issuer }) => issuer),
      subjects: identities.map(({ subject }) => subject),
      audiences: identities.map(({ audience }) => audience),
    }),
  );
  return inserted === identities.length;
}

export async function deleteIdentities(tx: SqlExecutor, clientId: ClientId): Promise<void> {
  await tx.run(deleteStatement({ clientId }));
}
