import type { HttpRequestErrorReason } from '../../platform/http-client/http-client.ts';
import type { MetaCause } from '../../platform/problem.ts';
import type { MetaVerdict } from './classify-error.ts';

interface MetaErrorOptions {
  verdict: MetaVerdict;
  cause?: MetaCause;
  /** Null: no response. */
  httpStatus: number | null;
  /** Our name for the call, as in metrics. */
  operation: string;
  /** Meta may have carried out the call although no response confirms it. */
  mayHaveCommitted: boolean;
  /** Why there was no response. */
  networkReason?: HttpRequestErrorReason | null;
  /** From `readMetaWords`. */
  words?: string | null;
}

/**
 * A failed call to Meta. Safe to log: shows no secret, no URL, and none of Meta's texts, which can quote tokens.
 */
export class MetaError extends Error {
  readonly verdict: MetaVerdict;
  /** Shown as `meta` in problems. Empty if Meta sent no error object. */
  override readonly cause: MetaCause;
  readonly httpStatus: number | null;
  readonly operation: string;
  readonly retryAfterSeconds: number | null;
  readonly mayHaveCommitted: boolean;
  readonly networkReason: HttpRequestErrorReason | null;

  /** Private, so that logs do not show it. */
  readonly #words: string | null;

  constructor(facts: MetaErrorOptions) {
    super(describe(facts));
    this.name = 'MetaError';
    this.verdict = facts.verdict;
    this.cause = facts.cause ?? {};
    this.httpStatus = facts.httpStatus;
    this.operation = facts.operation;
    this.retryAfterSeconds = facts.verdict.kind === 'throttled' ? facts.verdict.retryAfterSeconds : null;
    this.mayHaveCommitted = facts.mayHaveCommitted;
    this.networkReason = facts.networkReason ?? null;
    this.#words = facts.words ?? null;
  }

  /** What Meta said, for calls that ask for it (`GraphCall.keepsWords`); else null. */
  get words(): string | null {
    return this.#words;
  }
}

/** `renew_user: dead (expired), HTTP 400, code 190/463` */
function describe(facts: MetaErrorOptions): string {
  const { verdict, cause } = facts;
  const detail =
    verdict.kind === 'dead'
      ? ` (${verdict.reason})`
      : verdict.kind === 'configuration'
        ? ` (${verdict.what})`
        : verdict.kind === 'code_rejected'
          ? ` (${verdict.why})`
          : '';
  const isUnsent = verdict.kind === 'configuration' && verdict.what === 'not_configured';
  const status = isUnsent
    ? 'not sent'
    : facts.httpStatus === null
      ? `no response (${facts.networkReason ?? 'network'})`
      : `HTTP ${facts.httpStatus}`;
  const code =
    cause?.code === undefined ? '' : `, code ${cause.code}${cause.subcode === undefined ? '' : `/${cause.subcode}`}`;
  return `${facts.operation}: ${verdict.kind}${detail}, ${status}${code}`;
}
