import type { SqlExecutor } from '../../database/statement.ts';
import type { CredentialSnapshot } from '../credentials/credential-snapshot.ts';

/**
 * Keeps the id that a person has for our app only, where an inspection tells it and the connection was made before it was kept: a
 * deauthorization or data deletion may name the person by it (META.md 7). Needs no claim: it is true of whoever the token is of.
 */
export async function storeAppScopedId(
  sql: SqlExecutor,
  credential: CredentialSnapshot,
  reported: string | undefined,
): Promise<void> {
  if (reported === undefined || !credential.isRoot || credential.appScopedUserId !== null) return;
  await sql.run({
    name: 'store_app_scoped_id',
    text: `UPDATE connection SET app_scoped_user_id = $2 WHERE id = $1 AND meta_user_id = $3 AND app_scoped_user_id IS NULL AND status <> 'revoked'`,
    values: [credential.connectionId, reported, credential.metaUserId],
  });
}
