import { Injectable } from '@nestjs/common';
import { deriveEntryKey } from '../audit/chain/entry-mac.ts';
import { unauthenticated } from '../auth/auth-problems.ts';
import type { AuthenticatedClient, LeaseMode } from '../auth/authenticated-client.ts';
import type { ClientId } from '../auth/ids.ts';
import { PolicyViolationError, requireCoveredByPolicy } from '../auth/policy/policy.ts';
import { Config } from '../config/config.ts';
import { findMissingTasks } from '../connections/assets/missing-tasks.query.ts';
import { connectionNotFound, reauthRequired } from '../connections/connection/connection-problems.ts';
import { credentialContext } from '../connections/credentials/seal-contexts.ts';
import { Batcher } from '../database/batcher.ts';
import { Database } from '../database/database.ts';
import type { FailFastPool } from '../database/fail-fast-pool.ts';
import { RowMacs } from '../database/row-macs.ts';
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
import { describeWithoutCredential } from './describe-without-credential.ts';
import { ForeseenLeases } from './foreseen-leases.ts';
import type { LeaseId } from './ids.ts';
import { IntegrityAlert } from './integrity-alert.ts';
import { issueForeseenLeases } from './issue-foreseen-leases.repository.ts';
import { issueLeases } from './issue-lease.repository.ts';
import type {
  ForeseenInput,
  ForeseenLeaseRow,
  IssuedLeaseRow,
  IssuedTokenLeaseRow,
  LeaseInput,
  LeaseRow,
  RefusedLeaseRow,
} from './issue-lease-row.ts';
import { DEFAULT_TTL_SECONDS, type LeaseRequest } from './lease.dto.ts';
import { ambiguousConnection, credentialUnreadable, modeNotAllowed } from './lease-problems.ts';
import type { IssuedLeaseResponse } from './lease-response.dto.ts';
import { createLeaseToken } from './lease-token.ts';
import { WrittenLeaseCheck } from './written-lease-check.ts';

/** The cached client, key or policy is out of date. Look the client up again and retry; otherwise respond with 401. */
export class OutdatedClientError extends AppError {
  constructor() {
    super(unauthenticated);
  }
}

/** How often the credential may change (refresh, new login) between two statements for one lease. */
const MAX_FORESIGHTS = 3;

/** The maximum of `POST /v1/leases/batch`, so that such a batch is one statement. */
const MAX_BATCH = 100;

const NOT_ISSUED = { mode: null, lease_expires_at: null } as const;

/** A lease's token and where to use it. */
type LeasedToken = Pick<IssuedLeaseResponse, 'access_token' | 'graph_base_url' | 'appsecret_proof'>;

/** Issues leases. The common case is one statement; all others then find out why it issued nothing. */
@Injectable()
export class LeaseIssuer {
  /** Null: the prediction was wrong. */
  readonly #foreseenBatches: Batcher<LeaseInput, ForeseenLeaseRow | null>;
  readonly #batches: Batcher<LeaseInput, LeaseRow>;
  readonly #foreseen: ForeseenLeases;

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
    private readonly written: WrittenLeaseCheck,
    macs: RowMacs,
  ) {
    this.#foreseen = new ForeseenLeases(macs);
    const { deadline } = database.failFast;
    const options = { maxSize: MAX_BATCH, maxInFlight: 2, deadline };
    // Only this batcher gets more: both kinds share the connections with Graph calls, six by default.
    this.#foreseenBatches = new Batcher((inputs) => this.issueForeseen(inputs), { ...options, maxFullInFlight: 4 });
    this.#batches = new Batcher((inputs) => this.issueAny(inputs), options);
  }

  /**
   * Throws `OutdatedClientError`, and `AppError`: 403 `not_allowed` or `mode_not_allowed`; 404 `connection_not_found`;
   * 409 and 503 (docs/api.md#leases).
   */
  async issue(client: AuthenticatedClient, request: LeaseRequest, requestId: string): Promise<IssuedLeaseResponse> {
    requireCoveredByPolicy(client, request.tenant, request.product);
    const mode = request.mode ?? 'gateway';
    if (!client.leaseModes.includes(mode)) throw new PolicyViolationError(modeNotAllowed);

    const first = await this.attempt(client, request, mode, requestId);
    if ('access_token' in first) return first;
    const { credential_id: credentialId } = await this.requireTooShort(first, request);
    await this.onDemandRefresh.ensure(credentialId, Math.max(request.min_valid_seconds ?? 0, 1));
    const second = await this.attempt(client, request, mode, requestId);
    if ('access_token' in second) return second;
    await this.requireTooShort(second, request);
    // The token is valid and was good for long enough a moment ago: a retry is enough, no login needed.
    throw new AppError(refreshPending, { retryAfterSeconds: 1 });
  }

  /** Returns the lease, or the row saying why there is none. Throws `OutdatedClientError`. */
  private async attempt(
    client: AuthenticatedClient,
    request: LeaseRequest,
    mode: LeaseMode,
    requestId: string,
  ): Promise<IssuedLeaseResponse | Exclude<LeaseRow, IssuedLeaseRow>> {
    const now = this.clock.now();
    const leaseId = this.ids.next('lse');
    const gateway = mode === 'gateway' ? createLeaseToken(leaseId, this.random) : null;
    const ttlSeconds = Math.min(request.ttl_seconds ?? DEFAULT_TTL_SECONDS, client.maxTtlSeconds);
    const auditId = this.ids.next('aud');
    const input: LeaseInput = {
      leaseId,
      auditId,
      auditKey: deriveEntryKey(this.ring, auditId),
      keyHash: client.keyHash,
      policyVersion: client.policyVersion,
      // No role for people issues leases.
      clientId: client.clientId as ClientId,
      requestId,
      tenant: request.tenant,
      product: request.product,
      connectionId: request.connection_id ?? null,
      assetId: request.asset_id ?? null,
      mode,
      secretHash: gateway === null ? null : this.ring.blindIndex(gateway.secret),
      expiresAt: addSeconds(now, ttlSeconds),
      validUntil: addSeconds(now, request.min_valid_seconds ?? 0),
    };
    let row = await this.submit(input);
    for (let tries = 1; row.outcome === 'unforeseen' && tries < MAX_FORESIGHTS; tries++) row = await this.submit(input);
    if (row.outcome === 'unforeseen') throw new AppError(refreshPending, { retryAfterSeconds: 1 });
    if (row.outcome === 'outdated_client') throw new OutdatedClientError();
    if (row.outcome === 'unrecorded' || row.outcome === 'unwritten') throw this.written.refuse(leaseId, row.outcome);
    if (row.outcome !== 'issued') return row;
    const lease = this.describeLease(row, request, leaseId, now);
    if (row.mode === 'token') return { ...lease, ...(await this.openMetaToken(row, request, leaseId)) };
    if (gateway === null) throw new Error('a gateway lease was issued to a request for token mode');
    return { ...lease, access_token: gateway.token, graph_base_url: `${this.config.publicUrl}/graph` };
  }

  private async submit(input: LeaseInput): Promise<LeaseRow> {
    const row = this.#foreseen.isForeseeable(input) ? await this.#foreseenBatches.submit(input) : null;
    return row ?? this.#batches.submit(input);
  }

  private async issueForeseen(inputs: LeaseInput[]): Promise<(ForeseenLeaseRow | null)[]> {
    const rows: (ForeseenLeaseRow | null)[] = inputs.map(() => null);
    for (const row of await this.run(inputs, issueForeseenLeases)) rows[row.n - 1] = row;
    return this.withoutUnwritten(inputs, rows);
  }

  private async issueAny(inputs: LeaseInput[]): Promise<LeaseRow[]> {
    const rows = await this.run(inputs, issueLeases);
    for (const [index, input] of inputs.entries()) {
      const row = rows[index];
      if (row?.outcome === 'unforeseen') this.#foreseen.learn(input, row);
    }
    return this.withoutUnwritten(inputs, rows);
  }

  private async run<R>(
    inputs: LeaseInput[],
    issue: (executor: FailFastPool, now: Date, inputs: ForeseenInput[]) => Promise<R[]>,
  ): Promise<R[]> {
    const now = this.clock.now();
    const foreseen = inputs.map((input) => ({ input, foreseen: this.#foreseen.foresee(input, now) }));
    try {
      return await issue(this.database.failFast, now, foreseen);
    } catch (error) {
      throw this.written.explain(error);
    }
  }

  /** Marks leases that the statement returned but the database doesn't hold, if there are triggers or rules. */
  private async withoutUnwritten<R extends LeaseRow | null>(inputs: readonly LeaseInput[], rows: R[]): Promise<R[]> {
    if (!rows.some((row) => row?.is_interfered_with === true)) return rows;
    const issued = inputs.filter((_, index) => rows[index]?.outcome === 'issued');
    const unwritten = issued.length === 0 ? new Map() : await this.written.findUnwritten(issued);
    return rows.map((row, index) => {
      const outcome = unwritten.get(inputs[index]?.leaseId);
      return outcome === undefined ? row : { ...row, ...NOT_ISSUED, outcome };
    });
  }

  private describeLease(
    row: IssuedLeaseRow,
    request: LeaseRequest,
    leaseId: LeaseId,
    now: Date,
  ): Omit<IssuedLeaseResponse, keyof LeasedToken> {
    const missing = missingScopesOfToken(request.product, row.kind, row.scopes);
    return {
      lease_id: leaseId,
      mode: row.mode,
      token_type: 'Bearer',
      expires_in: Math.max(0, Math.floor((row.lease_expires_at.getTime() - now.getTime()) / 1000)),
      expires_at: row.lease_expires_at.toISOString(),
      scopes: row.scopes,
      ...(missing.length === 0 ? {} : { missing_scopes: missing }),
      connection_id: row.connection_id,
      app_id: row.app_id,
      credential_id: row.credential_id,
      credential_version: row.version,
      ...(request.asset_id === undefined || row.asset_type === null
        ? {}
        : { asset: { type: row.asset_type, id: request.asset_id, name: row.asset_name } }),
      token_expires_at: row.token_expires_at?.toISOString() ?? null,
    };
  }

  /** In token mode, the response holds Meta's token, its host and the proof for this token. */
  private async openMetaToken(row: IssuedTokenLeaseRow, request: LeaseRequest, leaseId: LeaseId): Promise<LeasedToken> {
    const { tenant, product } = request;
    const { connection_id: connectionId, credential_id: credentialId } = row;
    const context = credentialContext({ tenant, connectionId, credentialId, kind: row.kind, version: row.version });
    const token = await this.vault.open(row, context).catch(async (error: unknown) => {
      if (!(error instanceof DecryptionError)) throw error;
      await this.alert.raise({ leaseId, tenant, product, connectionId, credentialId }, error);
      throw new AppError(credentialUnreadable, { cause: error });
    });
    const leasedApp = (await this.apps.find(row.app_id, row.app_version)) ?? this.apps.primary;
    const { app, baseUrl, isProofSupported } = leasedApp.hostOf(row.kind);
    return {
      access_token: token.expose(),
      graph_base_url: baseUrl,
      ...(isProofSupported && app?.id === row.app_id
        ? { appsecret_proof: computeAppsecretProof(token, app.secret) }
        : {}),
    };
  }

  /** Throws the reason if no lease was issued, unless the token merely expires too soon, which a refresh may fix. */
  private async requireTooShort(
    row: Exclude<LeaseRow, IssuedLeaseRow>,
    request: LeaseRequest,
  ): Promise<RefusedLeaseRow> {
    if (row.outcome === 'several_matches') throw new AppError(ambiguousConnection);
    if (row.outcome === 'without_credential') {
      if (row.status !== 'active') throw new AppError(reauthRequired);
      const asset = { connectionId: row.connection_id, type: row.asset_type, id: request.asset_id ?? '' };
      throw describeWithoutCredential(asset, await findMissingTasks(this.database.failFast, asset));
    }
    if (row.outcome !== 'refused') throw new AppError(connectionNotFound);
    const expired = row.token_expires_at !== null && row.token_expires_at <= this.clock.now();
    if (row.status !== 'active' || row.health === 'invalid' || row.secret_id === null || expired) {
      throw new AppError(reauthRequired);
    }
    if (request.min_valid_seconds === undefined) throw new AppError(reauthRequired);
    return row;
  }
}
