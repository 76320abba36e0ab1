import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles } from '../../auth/decorators.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { KeyAdministrationService } from './key-administration.service.ts';
import {
  type KeyResponse,
  type RewrapProgressResponse,
  toKeyResponse,
  toRewrapProgressResponse,
} from './key-response.dto.ts';

/** Routes of the key-encryption keys. */
@ApiTags('keys')
@Roles('admin')
@Controller('v1/keys')
export class KeysController {
  constructor(private readonly keyAdministration: KeyAdministrationService) {}

  @Get()
  @Roles('admin', 'auditor')
  async list(@Query() { limit, cursor }: PageRequest): Promise<Page<KeyResponse> & { rewrap: RewrapProgressResponse }> {
    const [rows, rewrap] = await Promise.all([
      this.keyAdministration.list(limit, decodeCursor(cursor)),
      this.keyAdministration.rewrapProgress(),
    ]);
    return { ...toPage(rows, limit, toKeyResponse), rewrap: toRewrapProgressResponse(rewrap) };
  }

  @Post('rotate')
  async rotate(@CurrentClient() client: AuthenticatedClient, @RequestId() requestId: string): Promise<KeyResponse> {
    const { id, createdAt } = await this.keyAdministration.rotate(toActor(client), requestId);
    return { id, state: 'active', created_at: createdAt.toISOString(), retired_at: null, data_keys: 0 };
  }

  @Post('rewrap')
  @HttpCode(202)
  async rewrap(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<RewrapProgressResponse> {
    return toRewrapProgressResponse(await this.keyAdministration.requestRewrap(toActor(client), requestId));
  }

  @Get('rewrap')
  @Roles('admin', 'auditor')
  async rewrapProgress(): Promise<RewrapProgressResponse> {
    return toRewrapProgressResponse(await this.keyAdministration.rewrapProgress());
  }

  @Delete(':id')
  @HttpCode(204)
  async retire(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.keyAdministration.retire(toActor(client), id, requestId);
  }
}
