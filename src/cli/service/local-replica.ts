import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { createReplica, type Replica } from '../../bootstrap/replica.ts';
import type { Config } from '../../config/config.ts';
import { TakeToken } from '../../connect/authorization/supplied-token.service.ts';
import { ImportRequest } from '../../connect/connect.dto.ts';
import { ConnectFailure } from '../../connect/connect-failed-error.ts';
import { problemOf } from '../../connect/connect-problems.ts';
import { ClaimLost } from '../../connections/authorization/pending-authorization.repository.ts';
import { ConnectionReader } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound, connectionRevoked } from '../../connections/connection/connection-problems.ts';
import type { ConnectionView } from '../../connections/connection/connection-response.dto.ts';
import { RevokeAtMeta } from '../../lifecycle/provider-revocation.service.ts';
import { WorkOnConnection } from '../../lifecycle/refresh/manual-refresh.service.ts';
import { Sweep } from '../../lifecycle/sweeps/sweep.ts';
import { inputErrors } from '../../platform/http-server/input-validation.pipe.ts';
import { createLogger } from '../../platform/logger.ts';
import { AppError } from '../../platform/problem.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { lossInWords, withDatabase } from '../command-context.ts';
import { explainProblems, OPERATOR } from '../operator.ts';
import type { ImportAnswer, SweepAnswer, VaultService } from './vault-service.ts';

export interface OwnReplica {
  service: VaultService;
  /** Works off the revocations that Meta has still to be told of, at the pace of the app; what fails is tried again by the replicas. */
  tellMetaOfRevocations(): Promise<void>;
}

/**
 * Runs `work` on a replica inside of this process, which does not listen and has no sweeps of its own: for what needs the whole service,
 * with its pace and its claims. An abort lets it begin nothing more.
 */
export function withOwnReplica<T>(
  config: Config,
  signal: AbortSignal,
  work: (own: OwnReplica) => Promise<T>,
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
      return await explainProblems(() => work(ownReplica(replica, signal))).catch((error: unknown) => {
        throw lossInWords(error, databaseUrl);
      });
    } finally {
      signal.removeEventListener('abort', stop);
      await replica.close();
    }
  });
}

function ownReplica({ app }: Replica, signal: AbortSignal): OwnReplica {
  const reader = app.get(ConnectionReader);
  const [tokens, sweep, onConnection] = [app.get(TakeToken), app.get(Sweep), app.get(WorkOnConnection)];
  return {
    tellMetaOfRevocations: async () => {
      await app.get(RevokeAtMeta).workOff(() => signal.aborted);
    },
    service: {
      importToken: (row) => importToken(tokens, row),
      sweep: async (): Promise<SweepAnswer> => {
        const { claimed, done, failed, skipped, durationSeconds } = await sweep.refresh();
        return { claimed, refreshed: done, failed, skipped, duration_seconds: durationSeconds };
      },
      workOn: async (id, work) => {
        const { status } = await find(reader, id);
        if (status === 'revoked') throw new AppError(connectionRevoked);
        await onConnection[work](id);
        return find(reader, id);
      },
      markOf: (text) => app.get(KeyRing).lookupHash(text).toString('hex'),
    },
  };
}

async function find(reader: ConnectionReader, id: string): Promise<ConnectionView> {
  const view = await reader.findAcrossTenants(id);
  if (view === null) throw new AppError(connectionNotFound);
  return view;
}

/** Under the same rules as `POST /v1/connections/import`. */
async function importToken(
  tokens: TakeToken,
  { tenant, product, token }: Parameters<VaultService['importToken']>[0],
): Promise<ImportAnswer> {
  const request = plainToInstance(ImportRequest, { tenant, product, access_token: token.expose() });
  const [fault] = inputErrors(await validate(request, { stopAtFirstError: true }));
  if (fault !== undefined) {
    return { kind: 'refused', code: 'invalid_request', detail: `${fault.path}: ${fault.message}` };
  }
  try {
    const of = { sessionId: null, clientId: null, ids: {}, actor: OPERATOR, requestId: null };
    const given = { tenant: request.tenant, product: request.product, flow: 'import', token, ...of } as const;
    return { kind: 'in', connectionId: await tokens.take(given) };
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): ImportAnswer {
  if (error instanceof ClaimLost)
    return refusal(new ConnectFailure('meta_unavailable', { cause: error, isFinal: false }));
  if (!(error instanceof ConnectFailure)) throw error;
  const { code, detail, occasion, type } = problemOf(error);
  if (type.status !== 503) return { kind: 'refused', code, detail };
  return { kind: 'later', code, detail, afterSeconds: occasion.retryAfterSeconds ?? null };
}
