import type { Actor } from '../audit/actor.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Product } from '../config/products.ts';
import type { SqlExecutor } from '../database/statement.ts';
import type { MetaCause } from '../platform/problem.ts';
import type { ConnectFailedError } from './connect-failed-error.ts';
import type { ConnectSessionId } from './ids.ts';

/** A failed authorization and who ran it. */
interface FailedAuthorization {
  tenant: string;
  product: Product;
  flow: string;
  /** Null for an import. */
  sessionId: ConnectSessionId | null;
  actor: Actor;
  requestId: string | null;
}

interface FailureDetails {
  code: ConnectFailedError['reason'] | 'internal_error';
  meta?: MetaCause;
  will_retry?: boolean;
}

export function recordConnectFailure(
  audit: AuditLog,
  executor: SqlExecutor,
  { tenant, product, flow, sessionId, actor, requestId }: FailedAuthorization,
  details: FailureDetails,
): Promise<void> {
  const of = { actor, requestId, tenant, product, subjectId: sessionId };
  return audit.record(executor, { ...of, action: 'connect.failed', details: { flow, ...details } });
}

/** Null: an internal error. */
export function toFailureDetails(failure: ConnectFailedError | null, willRetry: boolean): FailureDetails {
  return {
    code: failure?.reason ?? 'internal_error',
    meta: failure?.occurrence.meta ?? {},
    will_retry: willRetry,
  };
}
