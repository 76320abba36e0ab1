import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../auth/decorators.ts';
import { connectionNotFound } from '../connections/connection/connection-problems.ts';
import type { ConnectionResponse } from '../connections/connection/connection-response.dto.ts';
import { ConnectionVisibility } from '../connections/connection/connection-visibility.ts';
import { ConnectionRevoker } from '../connections/revocation/connection-revoker.ts';
import { AppError } from '../platform/problem.ts';
import { type RevokedConnectionResponse, RotateConnectionRequest } from './connection-actions.dto.ts';
import { ProviderRevocationService } from './provider-revocation.service.ts';
import { ManualRefreshService } from './refresh/manual-refresh.service.ts';
import { ManualRotationService } from './rotation/manual-rotation.service.ts';

/** Actions of admins on connections. */
@ApiTags('connections')
@ApiBearerAuth('bearer')
@Roles('admin')
@Controller('v1/connections')
export class ConnectionActionsController {
  constructor(
    private readonly visibility: ConnectionVisibility,
    private readonly revoker: ConnectionRevoker,
    private readonly providerRevocation: ProviderRevocationService,
    private readonly manualRefresh: ManualRefreshService,
    private readonly manualRotation: ManualRotationService,
  ) {}

  /** Idempotent: repeat it to see the state of the revocation at Meta. */
  @Delete(':id')
  @HttpCode(200)
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
    return {
      id,
      status: 'revoked',
      revoked_at: revoked.revokedAt.toISOString(),
      leases_revoked: revoked.leasesRevoked,
      provider_revocation: providerStatus,
    };
  }

  /** Refreshes now, due or not. Failures are in `failure` of the credentials. */
  @Post(':id/refresh')
  @HttpCode(200)
  async refresh(@CurrentClient() client: AuthenticatedClient, @Param('id') given: string): Promise<ConnectionResponse> {
    const { id } = await this.visibility.getVisibleUnrevoked(client, given);
    await this.manualRefresh.refresh(id);
    return this.visibility.getVisible(client, id);
  }

  /**
   * Replaces the token of a system user and revokes the old one at Meta. The old one is used until the new one is
   * verified. Failures are in `failure` of the credential.
   */
  @Post(':id/rotate')
  @HttpCode(200)
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
