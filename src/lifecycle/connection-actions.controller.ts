import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, NeedsFreshSignIn, RequestId, Roles } from '../auth/decorators.ts';
import { ApiConnectionId } from '../connections/connection/api-connection-id.ts';
import {
  connectionNotFound,
  connectionRevoked,
  reauthRequired,
} from '../connections/connection/connection-problems.ts';
import { ConnectionResponse } from '../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../connections/connection/connection-visibility.ts';
import { ConnectionRevoker } from '../connections/revocation/connection-revoker.ts';
import { WaitsForStandby } from '../database/standby/waits-for-standby.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { AppError } from '../platform/problem.ts';
import { BulkRevocationRequest, BulkRevocationResponse } from './bulk-revocation.dto.ts';
import { BulkRevocationService } from './bulk-revocation.service.ts';
import {
  RevokedConnectionResponse,
  RotateConnectionRequest,
  toRevokedConnectionResponse,
} from './connection-actions.dto.ts';
import { ProviderRevocationService } from './provider-revocation.service.ts';
import { ManualRefreshService } from './refresh/manual-refresh.service.ts';
import { ManualRotationService, notRotatable, rotationPending } from './rotation/manual-rotation.service.ts';

/** More revocations than this within ten minutes count as a bulk revocation. */
const REVOCATIONS_WITHOUT_FRESH_SIGN_IN = 3;

/** Actions of admins on connections. */
@ApiTags('connections')
@Roles('admin')
@Controller('v1/connections')
export class ConnectionActionsController {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly revoker: ConnectionRevoker,
    private readonly bulkRevocation: BulkRevocationService,
    private readonly providerRevocation: ProviderRevocationService,
    private readonly manualRefresh: ManualRefreshService,
    private readonly manualRotation: ManualRotationService,
  ) {}

  @Delete(':id')
  @NeedsFreshSignIn({ free: REVOCATIONS_WITHOUT_FRESH_SIGN_IN })
  @Roles('admin', 'tenant_admin')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @ApiOperation({
    operationId: 'revokeConnection',
    summary: 'Revoke a connection',
    description:
      'Ends the connection and its leases for good, destroys its tokens, and withdraws the grant at Meta. Takes effect ' +
      'before the answer. Idempotent: repeat it to see the state of the revocation at Meta.',
  })
  @ApiConnectionId()
  @ApiOkResponse({ type: RevokedConnectionResponse, description: 'The connection is revoked' })
  @ApiProblems(connectionNotFound)
  async revoke(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Param('id') given: string,
  ): Promise<RevokedConnectionResponse> {
    const { id } = await this.visibility.getVisible(client, given);
    const actor = toActor(client);
    const revoked = await this.revoker.revoke(id, { actor, requestId, reason: 'api' });
    if (revoked === null) throw new AppError(connectionNotFound);
    const providerStatus =
      revoked.providerRevocation === 'pending'
        ? await this.providerRevocation.attemptNow(id, actor)
        : revoked.providerRevocation;
    return toRevokedConnectionResponse(revoked, providerStatus);
  }

  @Post('revoke')
  @NeedsFreshSignIn()
  @Roles('admin', 'tenant_admin')
  @HttpCode(200)
  @WaitsForStandby({ isEnding: true })
  @ApiOperation({
    operationId: 'revokeConnections',
    summary: 'Revoke up to 100 connections at once',
    description:
      'Ends them and their leases for good and destroys their tokens before the answer, each by itself. Meta is asked to ' +
      'withdraw the grants within a minute, and again until it confirms. For the rate limit it is one request. ' +
      'Idempotent: repeat it for those that failed.',
  })
  @ApiOkResponse({ type: BulkRevocationResponse, description: 'The revoked connection or a problem for each id' })
  async revokeAll(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Body() { ids }: BulkRevocationRequest,
  ): Promise<BulkRevocationResponse> {
    return { results: await this.bulkRevocation.revokeAll(client, ids, requestId) };
  }

  @Post(':id/refresh')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'refreshConnection',
    summary: 'Refresh the tokens of a connection now',
    description:
      'Refreshes its tokens, due or not, and inspects those that are never refreshed. Answers once Meta did; failures ' +
      'are in `failure` of the credentials.',
  })
  @ApiConnectionId()
  @ApiOkResponse({ type: ConnectionResponse, description: 'The connection afterwards' })
  @ApiProblems(connectionNotFound, connectionRevoked)
  async refresh(@CurrentClient() client: AuthenticatedClient, @Param('id') given: string): Promise<ConnectionResponse> {
    const { id } = await this.visibility.getVisibleUnrevoked(client, given);
    await this.manualRefresh.refresh(id);
    return this.visibility.getVisible(client, id);
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'rotateConnection',
    summary: 'Replace the token of a system user',
    description:
      'Generates a new token at Meta, inspects it, takes it into use, and revokes the old one, which serves until then. ' +
      'Requests that arrive together share one rotation. Failures are in `failure` of the credential.',
  })
  @ApiConnectionId()
  @ApiOkResponse({ type: ConnectionResponse, description: 'The connection afterwards' })
  @ApiProblems(connectionNotFound, connectionRevoked, notRotatable, reauthRequired, rotationPending)
  async rotate(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Param('id') given: string,
    @Body() request: RotateConnectionRequest,
  ): Promise<ConnectionResponse> {
    const { id } = await this.visibility.getVisibleUnrevoked(client, given);
    const expires = request.set_token_expires_in_60_days ?? null;
    await this.manualRotation.rotate(id, { actor: toActor(client), requestId, expires });
    return this.visibility.getVisible(client, id);
  }
}
