import sql from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../database/statement.ts';
import type { Actor } from './actor.ts';
import type { AuditAction } from './audit-action.ts';
import { insertEntriesSql } from './chain/entry-mac.ts';

interface InsertedAuditEntry {
  id: string;
  at: Date;
  action: AuditAction;
  actorKind: Actor['kind'];
  actorId: string | null;
  tenant: string | null;
  product: string | null;
  connectionId: string | null;
  subjectId: string | null;
  requestId: string | null;
  /** JSON. */
  details: string;
  entryKey: Buffer;
}

const insertStatement = defineStatement<InsertedAuditEntry>(
  'audit_record',
  (entry) =>
    insertEntriesSql(sql`SELECT ${entry.id}::text, ${entry.at}::timestamptz, ${entry.action}::text, ${entry.actorKind}::text,
      ${entry.actorId}::text, ${entry.tenant}::text, ${entry.product}::text, ${entry.connectionId}::text, ${entry.subjectId}::text,
      ${entry.requestId}::text, ${entry.details}::json, ${entry.entryKey}::bytea`),
  { prepare: true },
);

export async function insertAuditEntry(executor: SqlExecutor, entry: InsertedAuditEntry): Promise<void> {
  await executor.run(insertStatement(entry));
}
