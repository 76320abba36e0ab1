import type { INestApplicationContext } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { AppSelector } from '../../apps/app-selector.ts';
import type { Config } from '../../config/config.ts';
import { ImportRequest } from '../../connect/authorization/import.dto.ts';
import { SuppliedTokenService } from '../../connect/authorization/supplied-token.service.ts';
import { ConnectionCheckService } from '../../connect/rediscovery/connection-check.service.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound, connectionRevoked } from '../../connections/connection/connection-problems.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { toBrought } from '../../connections/description/description.ts';
import { ManualRefreshService } from '../../lifecycle/refresh/manual-refresh.service.ts';
import { ManualRotationService } from '../../lifecycle/rotation/manual-rotation.service.ts';
import { Sweep } from '../../lifecycle/sweeps/sweep.ts';
import { toInputErrors } from '../../platform/http-server/input-validation.pipe.ts';
import { AppError } from '../../platform/problem.ts';
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { type CommandContext, withApplicationContext } from '../command-context.ts';
import { OPERATOR } from '../operator.ts';
import type { ImportedToken, ImportResult, SweepResult, VaultService } from './vault-service.ts';

/**
 * Runs `work` on the modules of a replica in this process, with their rate limits and claims. Starts nothing new once
 * aborted.
 */
export function withLocalVaultService<T>(
  context: CommandContext,
  config: Config,
  signal: AbortSignal,
  work: (service: VaultService, app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  return withApplicationContext(context, config, async (app) => {
    const stop = (): void => app.get(Sweep).onModuleDestroy();
    signal.addEventListener('abort', stop);
    try {
      return await work(new LocalVaultService(app), app);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  });
}

class LocalVaultService implements VaultService {
  constructor(private readonly app: INestApplicationContext) {}

  importToken(row: ImportedToken): Promise<ImportResult> {
    return importToken(this.app.get(SuppliedTokenService), this.app.get(AppSelector), row);
  }

  async sweep(): Promise<SweepResult> {
    const { claimed, done, failed, skipped, durationSeconds } = await this.app.get(Sweep).refresh();
    return { claimed, refreshed: done, failed, skipped, duration_seconds: durationSeconds };
  }

  async runAction(given: string, action: 'refresh' | 'check'): Promise<ConnectionResponse> {
    const connections = this.app.get(ConnectionRepository);
    const { id, status } = await requireConnection(connections, given);
    if (status === 'revoked') throw new AppError(connectionRevoked);
    if (action === 'refresh') await this.app.get(ManualRefreshService).refresh(id);
    else await this.app.get(ConnectionCheckService).check(id, { actor: OPERATOR, requestId: null });
    return requireConnection(connections, id);
  }

  async rotate(given: string, expires: boolean | null): Promise<ConnectionResponse> {
    const connections = this.app.get(ConnectionRepository);
    const { id, status } = await requireConnection(connections, given);
    if (status === 'revoked') throw new AppError(connectionRevoked);
    await this.app.get(ManualRotationService).rotate(id, { actor: OPERATOR, requestId: null, expires });
    return requireConnection(connections, id);
  }

  fingerprintOf(text: string): string {
    return this.app.get(KeyRing).blindIndex(text).toString('hex');
  }
}

async function requireConnection(connectionRepository: ConnectionRepository, id: string): Promise<ConnectionResponse> {
  const view = await connectionRepository.findAcrossTenants(id);
  if (view === null) throw new AppError(connectionNotFound);
  return view;
}

/** Applies the rules of `POST /v1/connections/import`. */
async function importToken(
  tokens: SuppliedTokenService,
  apps: AppSelector,
  { tenant, product, token, appId: given, ...described }: ImportedToken,
): Promise<ImportResult> {
  const request = plainToInstance(ImportRequest, {
    ...toBrought(described),
    tenant,
    product,
    access_token: token.expose(),
    ...(given === undefined ? {} : { app_id: given }),
  });
  const [fault] = toInputErrors(await validate(request, { stopAtFirstError: true }));
  if (fault !== undefined) {
    return { kind: 'refused', code: 'invalid_request', detail: `${fault.path}: ${fault.message}` };
  }
  try {
    const description = toBrought(request);
    const of = { sessionId: null, clientId: null, message: {}, description, actor: OPERATOR, requestId: null };
    const appId = await apps.selectId(request.tenant, request.app_id ?? null);
    const supplied = { tenant: request.tenant, appId, product: request.product, flow: 'import', token, ...of } as const;
    return { kind: 'imported', connectionId: await tokens.connect(supplied) };
  } catch (error) {
    return toImportResult(error);
  }
}

function toImportResult(error: unknown): ImportResult {
  if (!(error instanceof AppError)) throw error;
  const { code, detail, occurrence, type } = error;
  if (type.status !== 503) return { kind: 'refused', code, detail };
  return { kind: 'retryable', code, detail, afterSeconds: occurrence.retryAfterSeconds ?? null };
}
