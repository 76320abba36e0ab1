import sql from 'sql-template-tag';
import type { DialogFlow } from '../../config/products.ts';
import { hasPendingAuthorization } from '../../connections/authorization/pending-authorization.query.ts';
import type { RowMacs } from '../../database/row-macs.ts';
import { defineStatement, type SqlExecutor } from '../../database/statement.ts';
import type { SignupMessage } from '../authorization-hints.ts';
import type { OpenedAttempt, UnfinishedSignup } from '../connect-session.ts';
import { CONNECT_SESSION_MAC, type CoveredSession } from '../connect-session-mac.ts';
import type { ConnectSessionId } from '../ids.ts';
import type { CandidateSession } from './choose-session.ts';

interface CandidateRow extends CoveredSession {
  mac: Buffer | null;
  is_pending: boolean;
  unfinished_waba_id: string | null;
  waba_ids: string[];
  business_ids: string[];
}

interface CandidateWindow {
  flows: readonly DialogFlow[];
  /** Null: the environment's app. */
  appId: string | null;
  since: Date;
  until: Date;
}

// The attempt's row may be gone, or never existed.
const upsertReport = defineStatement<{ attempt: OpenedAttempt; report: string; max: number }>(
  'connect_attempt_report',
  ({
    attempt: { stateHash, sessionId, cookieHash, openedAt, expiresAt },
    report,
    max,
  }) => sql`INSERT INTO connect_attempt
      (state_hash, session_id, cookie_hash, created_at, expires_at, is_signed, reported)
    SELECT ${stateHash}::bytea, s.id, ${cookieHash}::bytea, ${openedAt}::timestamptz, ${expiresAt}::timestamptz, true, ${report}::jsonb
    FROM connect_session s WHERE s.id = ${sessionId} AND (SELECT count(*) FROM connect_attempt o
      WHERE o.session_id = s.id AND o.state_hash <> ${stateHash} AND o.reported IS NOT NULL) < ${max}
    ON CONFLICT (state_hash) DO UPDATE SET reported = excluded.reported`,
);

const selectCandidates = defineStatement<CandidateWindow, CandidateRow>(
  'unfinished_signup_candidates',
  ({
    flows,
    appId,
    since,
    until,
  }) => sql`SELECT s.id, s.token_hash, s.tenant, s.product, s.flow, s.scopes, s.return_url, s.client_id, s.created_at,
      s.expires_at, s.connection_id, s.closed_at, s.feature_type, s.features, s.expected, s.confirm, s.tenant_name, s.origin,
      s.app_id, s.mac,
      s.unfinished->>'waba_id' AS unfinished_waba_id,
      ${hasPendingAuthorization(sql`s.id`)} AS is_pending,
      coalesce(array_agg(DISTINCT a.reported->>'waba_id') FILTER (WHERE a.reported ? 'waba_id'), '{}') AS waba_ids,
      coalesce(array_agg(DISTINCT a.reported->>'business_id') FILTER (WHERE a.reported ? 'business_id'), '{}') AS business_ids
    FROM connect_session s LEFT JOIN connect_attempt a ON a.session_id = s.id
    WHERE s.flow = ANY (${flows}) AND s.app_id IS NOT DISTINCT FROM ${appId}::text AND s.closed_at IS NULL AND s.created_at >= ${since} AND s.created_at <= ${until}
    GROUP BY s.id ORDER BY s.created_at DESC, s.id DESC`,
);

const updateUnfinished = defineStatement<{ id: ConnectSessionId; unfinished: string }>(
  'connect_session_unfinished',
  ({ id, unfinished }) => sql`UPDATE connect_session SET unfinished = ${unfinished}::jsonb
    WHERE id = ${id} AND closed_at IS NULL AND unfinished->>'waba_id' IS DISTINCT FROM ${unfinished}::jsonb->>'waba_id'`,
);

interface SignupReport {
  event?: string;
  waba_id?: string;
  phone_number_id?: string;
  business_id?: string;
  /** RFC 3339 */
  at: string;
}

export function toSignupReport({ event, wabaId, phoneNumberId, businessId }: SignupMessage, now: Date): SignupReport {
  return {
    ...(event === undefined ? {} : { event }),
    ...(wabaId === undefined ? {} : { waba_id: wabaId }),
    ...(phoneNumberId === undefined ? {} : { phone_number_id: phoneNumberId }),
    ...(businessId === undefined ? {} : { business_id: businessId }),
    at: now.toISOString(),
  };
}

/** Per session. Users in Meta's window never make this many. */
const MAX_REPORTS = 100;

/** Stores what an attempt's browser reported, replacing its previous report; ignored past `MAX_REPORTS` attempts. */
export async function storeSignupReport(
  executor: SqlExecutor,
  attempt: OpenedAttempt,
  report: SignupReport,
): Promise<void> {
  await executor.run(upsertReport({ attempt, report: JSON.stringify(report), max: MAX_REPORTS }));
}

/**
 * Sessions of these flows under the app without a connection, created in the window, newest first. Includes those never
 * opened here: a product that runs the SDK on its own page opens none.
 */
export async function findCandidateSessions(
  executor: SqlExecutor,
  macs: RowMacs,
  window: CandidateWindow,
): Promise<CandidateSession[]> {
  const rows = (await executor.rows(selectCandidates(window))).filter((row) => macs.verify(CONNECT_SESSION_MAC, row));
  return rows.map(({ id, tenant, product, is_pending, unfinished_waba_id, waba_ids, business_ids }) => ({
    id,
    tenant,
    product,
    isPending: is_pending,
    wabaIds: unfinished_waba_id === null ? waba_ids : [...waba_ids, unfinished_waba_id],
    businessIds: business_ids,
  }));
}

/** False if the session has been completed, or already names this account. */
export async function markUnfinished(
  executor: SqlExecutor,
  id: ConnectSessionId,
  unfinished: UnfinishedSignup,
): Promise<boolean> {
  return (await executor.run(updateUnfinished({ id, unfinished: JSON.stringify(unfinished) }))) === 1;
}
