import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { createReplica, type Replica } from '../../bootstrap/replica.ts';
import type { Config } from '../../config/config.ts';
import { SuppliedTokenService } from '../../connect/authorization/supplied-token.service.ts';
import { ImportRequest } from '../../connect/connect.dto.ts';
import { ConnectFailedError } from '../../connect/connect-failed-error.ts';
import { problemOf } from '../../connect/connect-problems.ts';
import { ClaimLostError } from '../../connections/claim-lost-error.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound, connectionRevoked } from '../../connections/connection/connection-problems.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ProviderRevocationService } from '../../lifecycle/provider-revocation.service.ts';
import { ManualRefreshService } from '../../lifecycle/refresh/manual-refresh.service.ts';
import { Sweep } from '../../lifecycle/sweeps/sweep.ts';
import { toInputErrors } from '../../platform/http-server/input-validation.pipe.ts';
import { createLogger } from '../../platform/logger.ts';
import { AppError } from '../../platform/problem.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { toConnectionLossError, withDatabase } from '../command-context.ts';
import { explainProblems, OPERATOR } from '../operator.ts';
import type { ImportResult, SweepResult, VaultService } from './vault-service.ts';

export interface LocalReplica {
  service: VaultService;
  /** Works off the revocations that Meta has still to be told of, at the pace of the app; what fails is tried again by the replicas. */
  notifyMetaOfRevocations(): Promise<void>;
}

/**
 * Runs `work` on a replica inside of this process, which does not listen and has no sweeps of its own: for what needs the whole service,
 * with its pace and its claims. An abort lets it begin nothing more.
 */
export function withLocalReplica<T>(
  config: Config,
  signal: AbortSignal,
  work: (own: LocalReplica) => Promise<T>,
): Promise<T> {
  return withDatabase(config, async (databaseUrl) => {
    const replica = await createReplica({
      // Nobody's key is to change because a command ran with another environment.
      config: { ...config, bootstrapAdminKey: null, refreshCron: null, healthCron: null },
      databaseUrl,
      overrides: { logger: createLogger('error', process.stderr) },
    });
    const stop = (): void => replica.app.get(Sweep).onModuleDestroy();
    signal.addEventListener('abort', stop);
    try {
      return await explainProblems(() => work(createLocalReplica(replica, signal))).catch((error: unknown) => {
        throw toConnectionLossError(error, databaseUrl);
      });
    } finally {
      signal.removeEventListener('abort', stop);
      await replica.close();
    }
  });
}

function createLocalReplica({ app }: Replica, signal: AbortSignal): LocalReplica {
  const connectionRepository = app.get(ConnectionRepository);
  const [tokens, sweep, manualRefresh] = [app.get(SuppliedTokenService), app.get(Sweep), app.get(ManualRefreshService)];
  return {
    notifyMetaOfRevocations: async () => {
      await app.get(ProviderRevocationService).processDue(() => signal.aborted);
    },
    service: {
      importToken: (row) => importToken(tokens, row),
      sweep: async (): Promise<SweepResult> => {
        const { claimed, done, failed, skipped, durationSeconds } = await sweep.refresh();
        return { claimed, refreshed: done, failed, skipped, duration_seconds: durationSeconds };
      },
      runAction: async (id, work) => {
        const { status } = await requireConnection(connectionRepository, id);
        if (status === 'revoked') throw new AppError(connectionRevoked);
        await manualRefresh[work](id);
        return requireConnection(connectionRepository, id);
      },
      fingerprintOf: (text) => app.get(KeyRing).blindIndex(text).toString('hex'),
    },
  };
}

async function requireConnection(connectionRepository: ConnectionRepository, id: string): Promise<ConnectionResponse> {
  const view = await connectionRepository.findAcrossTenants(id);
  if (view === null) throw new AppError(connectionNotFound);
  return view;
}

/** Under the same rules as `POST /v1/connections/import`. */
async function importToken(
  tokens: SuppliedTokenService,
  { tenant, product, token }: Parameters<VaultService['importToken']>[0],
): Promise<ImportResult> {
  const request = plainToInstance(ImportRequest, { tenant, product, access_token: token.expose() });
  const [fault] = toInputErrors(await validate(request, { stopAtFirstError: true }));
  if (fault !== undefined) {
    return { kind: 'refused', code: 'invalid_request', detail: `${fault.path}: ${fault.message}` };
  }
  try {
    const of = { sessionId: null, clientId: null, ids: {}, actor: OPERATOR, requestId: null };
    const given = { tenant: request.tenant, product: request.product, flow: 'import', token, ...of } as const;
    return { kind: 'imported', connectionId: await tokens.connect(given) };
  } catch (error) {
    return toImportResult(error);
  }
}

function toImportResult(error: unknown): ImportResult {
  if (error instanceof ClaimLostError)
    return toImportResult(new ConnectFailedError('meta_unavailable', { cause: error, isFinal: false }));
  if (!(error instanceof ConnectFailedError)) throw error;
  const { code, detail, occurrence, type } = problemOf(error);
  if (type.status !== 503) return { kind: 'refused', code, detail };
  return { kind: 'retryable', code, detail, afterSeconds: occurrence.retryAfterSeconds ?? null };
}
