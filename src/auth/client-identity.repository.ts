import sql from 'sql-template-tag';
import type { RowMacs } from '../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { ClientIdentity } from './client-identity.ts';
import { CLIENT_IDENTITY_MAC } from './client-macs.ts';
import type { ClientId } from './ids.ts';

const insertStatement = defineStatement<{
  clientId: ClientId;
  issuers: readonly string[];
  subjects: readonly string[];
  audiences: readonly string[];
  macs: readonly Buffer[];
}>(
  'client_identity_insert',
  ({
    clientId,
    issuers,
    subjects,
    audiences,
    macs,
  }) => sql`INSERT INTO client_identity (issuer, subject, audience, client_id, mac)
    SELECT w.issuer, w.subject, w.audience, ${clientId}, w.mac
    FROM unnest(${issuers}::text[], ${subjects}::text[], ${audiences}::text[], ${macs}::bytea[]) AS w (issuer, subject, audience, mac)
    ORDER BY w.issuer, w.subject, w.audience ON CONFLICT DO NOTHING`,
);

const deleteStatement = defineStatement<{ clientId: ClientId }>(
  'client_identity_delete',
  ({ clientId }) => sql`DELETE FROM client_identity WHERE client_id = ${clientId}`,
);

/** Replaces a client's identities. Returns false if one belongs to another client; roll back then. */
export async function replaceIdentities(
  tx: SqlExecutor,
  macs: RowMacs,
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
      macs: identities.map((identity) => macs.compute(CLIENT_IDENTITY_MAC, { ...identity, client_id: clientId })),
    }),
  );
  return inserted === identities.length;
}

export async function deleteIdentities(tx: SqlExecutor, clientId: ClientId): Promise<void> {
  await tx.run(deleteStatement({ clientId }));
}
