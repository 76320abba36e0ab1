import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../audit/audit-log.ts';
import type { Product } from '../../config/config.ts';
import { Database } from '../../database/database.ts';
import { expectedTokenKinds, type Flow } from '../../meta/dialog/product-scopes.ts';
import type { CredentialKind } from '../../meta/tokens/credential-kind.ts';
import type { Inspection } from '../../meta/tokens/inspection-result.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { ConnectFailure, toConnectFailure } from '../connect-failed-error.ts';
import { type SignupIds, writeHints } from './authorization-hints.ts';
import { IntakeJourney } from './authorization-pipeline.ts';
import { type Driver, IntakeDesk } from './pending-authorization.service.ts';

export interface GivenToken extends Driver {
  tenant: string;
  product: Product;
  flow: Flow;
  /** Null for an import. */
  sessionId: string | null;
  /** Null for an operator at the command line. */
  clientId: string | null;
  token: SecretString;
  ids: SignupIds;
}

/** A token that a client hands in: nothing is stored before Meta said that it is valid, and of our app. */
@Injectable()
export class TakeToken {
  constructor(
    private readonly journey: IntakeJourney,
    private readonly desk: IntakeDesk,
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /** The connection's id. Throws `ConnectFailure`; then the token is not kept. */
  async take(given: GivenToken): Promise<string> {
    const { tenant, product, flow, sessionId, clientId, token, ids } = given;
    const { kind } = await this.identify(given);
    return this.desk.take(
      {
        tenant,
        product,
        flow,
        sessionId,
        stateHash: null,
        requestedBy: clientId,
        stage: 'exchanged',
        token,
        expiresAt: null,
        hints: writeHints({ ...ids, requestedScopes: [], grantedScopes: null, kind, isGiven: true }),
      },
      given,
    );
  }

  private async identify(given: GivenToken): Promise<Inspection> {
    try {
      return await this.inspectAsAny(given);
    } catch (error) {
      const failure = toConnectFailure(error, 'token_rejected');
      if (failure instanceof ConnectFailure) await this.recordFailure(given, failure);
      throw failure;
    }
  }

  /** Asks the hosts where tokens of this product can live, the likeliest first; what one host calls garbage another may know. */
  private async inspectAsAny({ product, flow, token }: GivenToken): Promise<Inspection> {
    const kinds = expectedTokenKinds(product, flow);
    let refusal: ConnectFailure | null = null;
    for (const asked of hostsToAsk(kinds, token)) {
      try {
        const inspection = await this.journey.inspect(asked, token);
        if (kinds.includes(inspection.kind)) return inspection;
        const detail = `This is a ${inspection.kind} token; ${product} takes ${kinds.join(', ')}.`;
        throw new ConnectFailure('token_rejected', { detail, isFinal: true });
      } catch (error) {
        const failure = toConnectFailure(error, 'token_rejected');
        if (!(failure instanceof ConnectFailure) || failure.reason !== 'token_rejected') throw failure;
        refusal ??= failure;
      }
    }
    throw refusal ?? new ConnectFailure('token_rejected', { isFinal: true });
  }

  private async recordFailure(
    { tenant, product, flow, sessionId, actor, requestId }: GivenToken,
    failure: ConnectFailure,
  ): Promise<void> {
    const details = { flow, code: failure.reason, meta: failure.occasion.meta ?? {}, will_retry: false };
    const of = { actor, requestId, tenant, product, subjectId: sessionId };
    await this.audit.record(this.database, { ...of, action: 'connect.failed', details });
  }
}

/** As what to inspect a token: one of facebook.com's kinds stands for them all. The prefix only orders (META.md 19.16). */
function hostsToAsk(kinds: readonly CredentialKind[], token: SecretString): (CredentialKind | 'unknown')[] {
  const hosts = kinds.map((kind) => (kind === 'instagram_user' || kind === 'threads_user' ? kind : 'unknown'));
  const distinct = [...new Set(hosts)];
  return token.expose().startsWith('IG') ? distinct.reverse() : distinct;
}
