import { Body, Controller, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ambiguousApp, appNotFound } from '../../apps/app-problems.ts';
import { AppSelector } from '../../apps/app-selector.ts';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { notAllowed, requireCoveredByPolicy } from '../../auth/policy/policy.ts';
import { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../../connections/connection/connection-visibility.ts';
import { toBrought } from '../../connections/description/description.ts';
import type { ConnectionId } from '../../connections/ids.ts';
import { ApiIdempotencyKey } from '../../idempotency/api-idempotency-key.ts';
import { IdempotencyService } from '../../idempotency/idempotency.service.ts';
import { idempotencyKeyInUse, idempotencyKeyReused } from '../../idempotency/idempotency-problems.ts';
import { Idempotent, type IdempotentCall } from '../../idempotency/idempotent-call.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { SecretString } from '../../platform/secret-string.ts';
import { CONNECT_PROBLEMS, loginNotConfigured } from '../connect-problems.ts';
import { ImportRequest } from './import.dto.ts';
import { type SuppliedToken, SuppliedTokenService } from './supplied-token.service.ts';

/** Imports existing tokens: of system users, or from another system. */
@ApiTags('connect')
@Roles('admin')
@Controller('v1/connections')
export class ImportController {
  constructor(
    private readonly tokens: SuppliedTokenService,
    private readonly visibility: ConnectionVisibility,
    private readonly idempotency: IdempotencyService,
    private readonly selector: AppSelector,
  ) {}

  @Post('import')
  @ApiOperation({
    operationId: 'importConnection',
    summary: 'Import a token',
    description:
      'Connects with a token that you have: of a system user, or from another system. It is inspected before anything is ' +
      'stored: it must be valid and belong to the app. Importing again for the same tenant, product, and Meta user ' +
      'updates the connection and keeps its id.',
  })
  @ApiCreatedResponse({ type: ConnectionResponse, description: 'The connection, created or updated' })
  @ApiIdempotencyKey()
  @ApiProblems(
    notAllowed,
    appNotFound,
    ambiguousApp,
    idempotencyKeyInUse,
    idempotencyKeyReused,
    loginNotConfigured,
    CONNECT_PROBLEMS.token_rejected,
    CONNECT_PROBLEMS.meta_configuration,
    CONNECT_PROBLEMS.meta_unavailable,
  )
  import(
    @Body() { tenant, product, app_id: appId, access_token: accessToken, ...described }: ImportRequest,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Idempotent() call: IdempotentCall,
  ): Promise<ConnectionResponse> {
    requireCoveredByPolicy(client, tenant, product);
    const supplied: Omit<SuppliedToken, 'appId'> = {
      tenant,
      product,
      flow: 'import',
      sessionId: null,
      clientId: client.clientId,
      token: new SecretString(accessToken),
      message: {},
      description: toBrought(described),
      actor: toActor(client),
      requestId,
    };
    return this.idempotency.createByMeta<ConnectionId, ConnectionResponse>(
      call,
      async (onMade) => {
        const under = await this.selector.selectId(tenant, appId ?? null);
        return this.tokens.connect({ ...supplied, appId: under, onConnected: onMade });
      },
      async (id) => ({ location: `/v1/connections/${id}`, body: await this.visibility.getVisible(client, id) }),
    );
  }
}
