import { Injectable } from '@nestjs/common';
import { deriveEntryKey } from '../audit/chain/entry-mac.ts';
import { unauthenticated } from '../auth/auth-problems.ts';
import type { AuthenticatedClient, LeaseMode } from '../auth/authenticated-client.ts';
import { PolicyViolationError, requireCoveredByPolicy } from '../auth/policy/policy.ts';
import { Config } from '../config/config.ts';
import { connectionNotFound, reauthRequired } from '../connections/connection/connection-problems.ts';
import { credentialContext } from '../connections/credentials/seal-contexts.ts';
import { Batcher } from '../database/batcher.ts';
import { Database } from '../database/database.ts';
import { FAIL_FAST_DEADLINE } from '../database/fail-fast-pool.ts';
import { OnDemandRefreshService, refreshPending } from '../lifecycle/refresh/on-demand-refresh.service.ts';
import { missingScopesOfToken } from '../meta/dialog/product-scopes.ts';
import { computeAppsecretProof } from '../meta/graph/appsecret-proof.ts';
import { MetaApps } from '../meta/meta-apps.ts';
import { addSeconds, Clock } from '../platform/clock.ts';
import { Ids } from '../platform/ids.ts';
import { AppError } from '../platform/problem.ts';
import { Random } from '../platform/random.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { DecryptionError } from '../vault/sealed-secret.ts';
import { Vault } from '../vault/vault.ts';
import { IntegrityAlert } from './integrity-alert.ts';
import { type IssuedLeaseRow, issueLeaseStatement, type LeaseInput } from './issue-lease-statement.ts';
import { DEFAULT_TTL_SECONDS, type LeaseRequest } from './lease.dto.ts';
import { ambiguousConnection, credentialUnreadable, modeNotAllowed } from './lease-problems.ts';
import { createLeaseToken } from './lease-token.ts';

/** The answer to `POST /v1/leases` (CONTRACT 6). The only answer of the service that may hold a token of Meta's. */
export interface IssuedLeaseResponse {
  lease_id: string;
  mode: LeaseMode;
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  expires_at: string;
  scopes: string[];
  /** Scopes that the product needs and the token lacks, where there are any: calls that need them fail until the person connects again. */
  missing_scopes?: string[];
  connection_id: string;
  credential_id: string;
  credential_version: number;
  asset?: { type: string; id: string; name: string | null };
  graph_base_url: string;
  token_expires_at: string | null;
  appsecret_proof?: string;
}

/** What is known of the caller is no longer so: key, client or policy. To be asked for anew; without that, a 401. */
export class OutdatedClientError extends AppError {
  constructor() {
    super(unauthenticated);
  }
}

/** Issues leases. The common case is one statement; everything else finds out afterwards why that one issued nothing. */
@Injectable()
export class LeaseIssuer {
  readonly #issueBatches = new Batcher<LeaseInput, IssuedLeaseRow>((leaseInputs) => this.run(leaseInputs), {
    maxSize: 64,
    maxInFlight: 2,
    deadline: FAIL_FAST_DEADLINE,
  });

  constructor(
    private readonly database: Database,
    private readonly vault: Vault,
    private readonly ring: KeyRing,
    private readonly onDemandRefresh: OnDemandRefreshService,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly random: Random,
    private readonly config: Config,
    private readonly alert: IntegrityAlert,
    private readonly apps: MetaApps,
  ) {}

  /** Throws `OutdatedClientError`, and `AppError`: 403 `not_allowed`, `mode_not_allowed`; 404 `connection_not_found`; 409 and 503 as CONTRACT 6 says. */
  async issue(client: AuthenticatedClient, request: LeaseRequest, requestId: string): Promise<IssuedLeaseResponse> {
    requireCoveredByPolicy(client, request.tenant, request.product);
    const mode = request.mode ?? 'gateway';
    if (!client.leaseModes.includes(mode)) throw new PolicyViolationError(modeNotAllowed);

    const first = await this.attempt(client, request, mode, requestId);
    if ('access_token' in first) return first;
    this.throwUnlessTooShort(first, request);
    await this.onDemandRefresh.ensure(first.credential_id, Math.max(request.min_valid_seconds ?? 0, 1));
    const second = await this.attempt(client, request, mode, requestId);
    if ('access_token' in second) return second;
    this.throwUnlessTooShort(second, request);
    // It lives, and lived long enough a moment ago: no login is needed, only another try.
    throw new AppError(refreshPending, { retryAfterSeconds: 1 });
  }

  /** The lease, or the row that tells why there is none. */
  private async attempt(
    client: AuthenticatedClient,
    request: LeaseRequest,
    mode: LeaseMode,
    requestId: string,
  ): Promise<IssuedLeaseResponse | IssuedLeaseRow> {
    const now = this.clock.now();
    const leaseId = this.ids.next('lse');
    const gateway = mode === 'gateway' ? createLeaseToken(leaseId, this.random) : null;
    const ttlSeconds = Math.min(request.ttl_seconds ?? DEFAULT_TTL_SECONDS, client.maxTtlSeconds);
    const auditId = this.ids.next('aud');
    const row = await this.#issueBatches.submit({
      leaseId,
      auditId,
      auditKey: deriveEntryKey(this.ring, auditId),
      keyHash: client.keyHash,
      policyVersion: client.policyVersion,
      clientId: client.clientId,
      requestId,
      tenant: request.tenant,
      product: request.product,
      connectionId: request.connection_id ?? null,
      assetId: request.asset_id ?? null,
      mode,
      secretHash: gateway === null ? null : this.ring.blindIndex(gateway.secret),
      expiresAt: addSeconds(now, ttlSeconds),
      validUntil: addSeconds(now, request.min_valid_seconds ?? 0),
    });
    if (!row.known) throw new OutdatedClientError();
    if (!row.issued) return row;
    const response = this.toIssuedLeaseResponse(row, request, mode, leaseId, now);
    return gateway === null ? this.addMetaToken(response, row, request) : { ...response, access_token: gateway.token };
  }

  private async run(leaseInputs: LeaseInput[]): Promise<IssuedLeaseRow[]> {
    const rows = await this.database.failFast.rows<IssuedLeaseRow>(issueLeaseStatement(this.clock.now(), leaseInputs));
    const results: IssuedLeaseRow[] = [];
    // Several rows for one wish are several connections that match; the first tells as much.
    for (const row of rows) results[Number(row.n) - 1] ??= row;
    return results;
  }

  private toIssuedLeaseResponse(
    row: IssuedLeaseRow,
    request: LeaseRequest,
    mode: LeaseMode,
    leaseId: string,
    now: Date,
  ): IssuedLeaseResponse {
    const missing = missingScopesOfToken(request.product, row.kind, row.scopes);
    return {
      lease_id: leaseId,
      mode,
      access_token: '',
      token_type: 'Bearer',
      expires_in: Math.max(0, Math.floor((row.lease_expires_at.getTime() - now.getTime()) / 1000)),
      expires_at: row.lease_expires_at.toISOString(),
      scopes: row.scopes,
      ...(missing.length === 0 ? {} : { missing_scopes: missing }),
      connection_id: row.connection_id ?? '',
      credential_id: row.credential_id,
      credential_version: row.version,
      ...(request.asset_id === undefined || row.asset_type === null
        ? {}
        : { asset: { type: row.asset_type, id: request.asset_id, name: row.asset_name } }),
      graph_base_url: `${this.config.publicUrl}/graph`,
      token_expires_at: row.token_expires_at?.toISOString() ?? null,
    };
  }

  /** In token mode the answer holds Meta's own token, its host and the proof that goes with this one token (META.md 11). */
  private async addMetaToken(
    response: IssuedLeaseResponse,
    row: IssuedLeaseRow,
    request: LeaseRequest,
  ): Promise<IssuedLeaseResponse> {
    const { tenant, product } = request;
    const { connection_id: connectionId, credential_id: credentialId } = response;
    const context = credentialContext({ tenant, connectionId, credentialId, kind: row.kind, version: row.version });
    const token = await this.vault.open(row, context).catch(async (error: unknown) => {
      if (!(error instanceof DecryptionError)) throw error;
      await this.alert.raise({ leaseId: response.lease_id, tenant, product, connectionId, credentialId }, error);
      throw new AppError(credentialUnreadable, { cause: error });
    });
    const host = this.apps.for({ tenant, product }).hostOf(row.kind);
    return {
      ...response,
      access_token: token.expose(),
      graph_base_url: host.baseUrl,
      ...(host.isProofSupported ? { appsecret_proof: computeAppsecretProof(token, host.app.secret) } : {}),
    };
  }

  /** Throws why no lease was issued, unless it is only that the token does not live long enough, which a renewal may mend. */
  private throwUnlessTooShort(row: IssuedLeaseRow, request: LeaseRequest): void {
    if (row.connection_id === null) throw new AppError(connectionNotFound);
    if (row.matches > 1) throw new AppError(ambiguousConnection);
    const expired = row.token_expires_at !== null && row.token_expires_at <= this.clock.now();
    if (row.status !== 'active' || row.health === 'invalid' || row.secret_id === null || expired) {
      throw new AppError(reauthRequired);
    }
    if (request.min_valid_seconds === undefined) throw new AppError(reauthRequired);
  }
}
