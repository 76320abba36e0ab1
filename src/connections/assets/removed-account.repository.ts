import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { AssetType } from '../credentials/credential-kind.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionStatus } from '../status/connection-status.ts';

/** An account with WhatsApp Business app numbers, and its connection. */
export interface CoexistenceAccount {
  connectionId: ConnectionId;
  tenant: string;
  product: string;
  status: ConnectionStatus;
  /** When its user last logged in. */
  authorizedAt: Date;
  accountId: string;
}

interface CoexistenceAccountRow {
  connection_id: ConnectionId;
  tenant: string;
  product: string;
  status: ConnectionStatus;
  authorized_at: Date;
  account_id: string;
}

interface AccountsOfApps {
  accountIds: readonly string[];
  /** Apps of the connections. */
  appIds: readonly string[];
}

const lockAccounts = defineStatement<AccountsOfApps, CoexistenceAccountRow>(
  'coexistence_accounts_lock',
  ({
    accountIds,
    appIds,
  }) => sql`SELECT n.id AS connection_id, n.tenant, n.product, n.status, n.authorized_at, a.id AS account_id
    FROM asset a JOIN connection n ON n.id = a.connection_id
    WHERE a.type = 'whatsapp_business_account' AND a.id = ANY (${accountIds}) AND n.app_id = ANY (${appIds}) AND n.status <> 'revoked'
      AND EXISTS (SELECT FROM asset p WHERE p.connection_id = a.connection_id AND p.type = 'phone_number' AND p.parent_id = a.id
        AND p.details->'registration'->>'status' = 'coexistence')
    ORDER BY n.id, a.id FOR UPDATE OF n`,
);

interface AccountKey {
  connectionId: ConnectionId;
  accountId: string;
}

const deleteAccountAndNumbers = defineStatement<AccountKey, { type: AssetType; id: string }>(
  'whatsapp_account_delete',
  ({ connectionId, accountId }) => sql`DELETE FROM asset WHERE connection_id = ${connectionId}
    AND ((type = 'whatsapp_business_account' AND id = ${accountId}) OR parent_id = ${accountId}) RETURNING type, id`,
);

/** Across tenants: finds those accounts with coexisting numbers and locks their connections, ordered by id. */
export async function lockCoexistenceAccounts(
  executor: SqlExecutor,
  of: AccountsOfApps,
): Promise<CoexistenceAccount[]> {
  const rows = await executor.rows(lockAccounts(of));
  return rows.map((row) => ({
    connectionId: row.connection_id,
    tenant: row.tenant,
    product: row.product,
    status: row.status,
    authorizedAt: row.authorized_at,
    accountId: row.account_id,
  }));
}

/** Deletes an account with its numbers. Returns what was deleted; empty if already gone. */
export async function deleteWhatsappAccount(
  executor: SqlExecutor,
  key: AccountKey,
): Promise<{ type: AssetType; id: string }[]> {
  return executor.rows(deleteAccountAndNumbers(key));
}
