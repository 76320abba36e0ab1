import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { CredentialId } from '../ids.ts';

const setRequested = defineStatement<{ credentialId: CredentialId; expires: boolean | null; now: Date }>(
  'rotation_request',
  ({ credentialId, expires, now }) => sql`UPDATE credential
    SET rotation_due_at = ${now}, rotation_expires = ${expires}::boolean, updated_at = ${now}
    WHERE id = ${credentialId} AND is_root AND secret_id IS NOT NULL`,
);

/** Needs no claim. False if the credential has no token. */
export async function updateRotationRequested(
  executor: SqlExecutor,
  credentialId: CredentialId,
  expires: boolean | null,
  now: Date,
): Promise<boolean> {
  return (await executor.run(setRequested({ credentialId, expires, now }))) === 1;
}
