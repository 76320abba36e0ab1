import sql, { type Sql } from 'sql-template-tag';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConnectionState } from './connection-state.ts';
import { nextStatusSql } from './connection-status.repository.ts';
import type { ConnectionStatus } from './connection-status.ts';
import { firstNoticeAt } from './expiry-notices.ts';
import { missingScopesReasonJson } from './missing-scopes.ts';
import { REASONS_DESPITE_VALID_TOKEN, SCOPES_MISSING } from './status-reason.ts';

/** What inspecting the root token reveals about its connection. */
export interface ConnectionFacts {
  scopes: string[];
  /** Scopes the user has revoked since the last inspection. */
  lostScopes: string[];
  /** Scopes the product needs and the token lacks. Undefined: unknown. */
  missingScopes: string[] | undefined;
  /** Undefined: unchanged. If it moved, its notices start over. */
  dataAccessExpiresAt: Date | null | undefined;
  now: Date;
}

/** A connection after a refresh of its root token, with its previous status. */
export interface RefreshedConnection extends ConnectionState {
  previous_status: ConnectionStatus;
}

/** What is stored of a connection's facts. */
export interface StoredFacts {
  scopes: string[];
  lostScopes: string[];
  missingReason: string | null;
  areScopesKnown: boolean;
  isDataAccessKnown: boolean;
  dataAccessExpiresAt: Date | null;
  noticeDueAt: Date | null;
}

interface FactParameters extends StoredFacts {
  connectionId: ConnectionId;
  now: Date;
}

/** Facts as values, or as columns of a statement that has them. */
type Facts = { [K in keyof StoredFacts]: StoredFacts[K] | Sql };

/**
 * Adds lost scopes to `declined_scopes` and removes granted ones. An active connection's reason follows the missing
 * scopes unless a more serious one is set. `reasonOtherwise`: the new reason of a connection that is not active.
 */
function scopeAssignments({ scopes, lostScopes, missingReason, areScopesKnown }: Facts, reasonOtherwise: Sql): Sql {
  return sql`declined_scopes = ARRAY(SELECT DISTINCT s FROM unnest(declined_scopes || ${lostScopes}::text[]) s
      WHERE s <> ALL (${scopes}::text[]) ORDER BY s),
    status_reason = CASE WHEN status <> 'active' THEN ${reasonOtherwise}
      WHEN NOT ${areScopesKnown}::boolean OR coalesce(status_reason->>'code', ${SCOPES_MISSING}) <> ${SCOPES_MISSING} THEN status_reason
      ELSE ${missingReason}::json END`;
}

const updateFacts = defineStatement<FactParameters>(
  'connection_checked',
  (facts) => sql`UPDATE connection SET scopes = ${facts.scopes}, updated_at = ${facts.now},
      expiry_notice_due_at = CASE WHEN ${facts.isDataAccessKnown}::boolean THEN ${facts.noticeDueAt}::timestamptz ELSE expiry_notice_due_at END,
      data_access_expires_at = CASE WHEN ${facts.isDataAccessKnown}::boolean THEN ${facts.dataAccessExpiresAt}::timestamptz
        ELSE data_access_expires_at END,
      ${scopeAssignments(facts, sql`status_reason`)}
    WHERE id = ${facts.connectionId} AND status <> 'revoked'`,
  { prepare: true },
);

const IS_REASON_KEPT = sql`status_reason->>'code' = ANY (${REASONS_DESPITE_VALID_TOKEN}::text[])`;

/** A connection's status after a refresh of its root token. */
const REFRESHED_STATUS = sql`CASE WHEN status <> 'active' AND ${IS_REASON_KEPT} THEN status ELSE ${nextStatusSql('recovered')} END`;

/** SET: what a refresh of the root token reveals about its connection. `reasonOtherwise`: if it is not active. */
export function refreshedFacts(facts: Facts, reasonOtherwise: Sql): Sql {
  return sql`scopes = ${facts.scopes}, ${scopeAssignments(facts, reasonOtherwise)},
      expiry_notice_due_at = CASE
        WHEN ${facts.isDataAccessKnown}::boolean AND data_access_expires_at IS DISTINCT FROM ${facts.dataAccessExpiresAt}::timestamptz
        THEN ${facts.noticeDueAt}::timestamptz ELSE expiry_notice_due_at END,
      data_access_expires_at = CASE WHEN ${facts.isDataAccessKnown}::boolean THEN ${facts.dataAccessExpiresAt}::timestamptz
        ELSE data_access_expires_at END`;
}

const updateRefreshed = defineStatement<FactParameters, RefreshedConnection>(
  'connection_refreshed',
  (facts) => sql`WITH before (locked_id, previous_status) AS (
      SELECT id, status FROM connection WHERE id = ${facts.connectionId} AND status <> 'revoked' FOR UPDATE)
    UPDATE connection SET updated_at = ${facts.now}, status = ${REFRESHED_STATUS},
      generation = CASE WHEN status = ${REFRESHED_STATUS} THEN generation ELSE generation + 1 END,
      ${refreshedFacts(facts, sql`CASE WHEN ${IS_REASON_KEPT} THEN status_reason END`)}
    FROM before WHERE id = before.locked_id RETURNING status, generation, previous_status`,
  { prepare: true },
);

interface AppScopedIdParameters {
  connectionId: ConnectionId;
  metaUserId: string;
  appScopedUserId: string;
}

const setAppScopedId = defineStatement<AppScopedIdParameters>(
  'store_app_scoped_id',
  ({ connectionId, metaUserId, appScopedUserId }) => sql`UPDATE connection SET app_scoped_user_id = ${appScopedUserId}
    WHERE id = ${connectionId} AND meta_user_id = ${metaUserId} AND app_scoped_user_id IS NULL AND status <> 'revoked'`,
  { prepare: true },
);

/** For an inspection of the serving version. */
export async function updateInspectedConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  facts: ConnectionFacts,
): Promise<void> {
  await executor.run(updateFacts(toParameters(connectionId, facts)));
}

/**
 * For an inspection of the version about to serve. A live token revives a dead connection, but not one that lacks
 * something else. Null: the connection was revoked.
 */
export async function updateRefreshedConnection(
  executor: SqlExecutor,
  connectionId: ConnectionId,
  facts: ConnectionFacts,
): Promise<RefreshedConnection | null> {
  const [updated] = await executor.rows(updateRefreshed(toParameters(connectionId, facts)));
  return updated ?? null;
}

/** Stores the user's app-scoped id on connections older than that column. */
export async function storeAppScopedId(executor: SqlExecutor, ids: AppScopedIdParameters): Promise<void> {
  await executor.run(setAppScopedId(ids));
}

function toParameters(connectionId: ConnectionId, facts: ConnectionFacts): FactParameters {
  return { connectionId, now: facts.now, ...toStoredFacts(facts) };
}

/** Facts as they are stored. */
export function toStoredFacts(facts: ConnectionFacts): StoredFacts {
  const { scopes, lostScopes, missingScopes, dataAccessExpiresAt = null, now } = facts;
  return {
    scopes,
    lostScopes,
    missingReason: missingScopesReasonJson(missingScopes, now),
    areScopesKnown: missingScopes !== undefined,
    isDataAccessKnown: facts.dataAccessExpiresAt !== undefined,
    dataAccessExpiresAt,
    noticeDueAt: firstNoticeAt(dataAccessExpiresAt),
  };
}
