import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { actorOf } from '../../audit/actor.ts';
import type { Caller } from '../../auth/authenticated-client.ts';
import { CurrentCaller, RequestId, Roles } from '../../auth/decorators.ts';
import { PageQuery } from '../../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../../platform/paging.ts';
import { KeyCustody } from './key-administration.service.ts';
import { type KeyView, type RewrapView, toKeyView, toRewrapView } from './key-response.dto.ts';

/** The key-encryption keys of the vault. They stand in this room because their routes need roles, which the vault knows nothing of. */
@ApiTags('keys')
@Roles('admin')
@Controller('v1/keys')
export class KeysController {
  constructor(private readonly custody: KeyCustody) {}

  @Get()
  @Roles('admin', 'auditor')
  async list(@Query() { limit, cursor }: PageQuery): Promise<Page<KeyView> & { rewrap: RewrapView }> {
    const [rows, rewrap] = await Promise.all([
      this.custody.list(limit, decodeCursor(cursor)),
      this.custody.rewrapProgress(),
    ]);
    return { ...toPage(rows, limit, toKeyView), rewrap: toRewrapView(rewrap) };
  }

  @Post('rotate')
  async rotate(@CurrentCaller() caller: Caller, @RequestId() requestId: string): Promise<KeyView> {
    const { id, createdAt } = await this.custody.rotate(actorOf(caller), requestId);
    return { id, state: 'active', created_at: createdAt.toISOString(), retired_at: null, data_keys: 0 };
  }

  @Post('rewrap')
  @HttpCode(202)
  async rewrap(@CurrentCaller() caller: Caller, @RequestId() requestId: string): Promise<RewrapView> {
    return toRewrapView(await this.custody.requestRewrap(actorOf(caller), requestId));
  }

  @Get('rewrap')
  @Roles('admin', 'auditor')
  async rewrapProgress(): Promise<RewrapView> {
    return toRewrapView(await this.custody.rewrapProgress());
  }

  @Delete(':id')
  @HttpCode(204)
  async retire(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.custody.retire(actorOf(caller), id, requestId);
  }
}
