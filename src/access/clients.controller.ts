import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { decodeCursor, type Page, toPage } from '../platform/paging.ts';
import { actorOf } from './actor.ts';
import type { Caller } from './caller.ts';
import { CreateClientRequest, IssueKeyRequest, toNewClient } from './client-requests.ts';
import { ClientStore } from './client-store.ts';
import { type ClientKeyView, type ClientView, toClientKeyView, toClientView } from './client-view.ts';
import { CurrentCaller, RequestId, Roles } from './decorators.ts';
import { PageQuery } from './page-query.ts';

/** The clients of this service and their keys. For admins only. */
@ApiTags('clients')
@Roles('admin')
@Controller('v1/clients')
export class ClientsController {
  constructor(private readonly clients: ClientStore) {}

  @Post()
  async create(
    @Body() request: CreateClientRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<ClientView & { api_key: string }> {
    const { client, apiKey } = await this.clients.create(actorOf(caller), toNewClient(request), requestId);
    return { ...toClientView(client), api_key: apiKey.expose() };
  }

  @Get()
  async list(@Query() { limit, cursor }: PageQuery): Promise<Page<ClientView>> {
    return toPage(await this.clients.list(limit, decodeCursor(cursor)), limit, toClientView);
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<ClientView & { keys: ClientKeyView[] }> {
    const client = await this.clients.get(id);
    return { ...toClientView(client), keys: (await this.clients.keysOf(id)).map(toClientKeyView) };
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.clients.delete(actorOf(caller), id, requestId);
  }

  @Post(':id/keys')
  async issueKey(
    @Param('id') id: string,
    @Body() { grace_seconds }: IssueKeyRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<{ api_key: string; grace_seconds: number; previous_keys_expire_at: string }> {
    const issued = await this.clients.issueKey(actorOf(caller), id, grace_seconds, requestId);
    return {
      api_key: issued.apiKey.expose(),
      grace_seconds,
      previous_keys_expire_at: issued.previousKeysExpireAt.toISOString(),
    };
  }
}
