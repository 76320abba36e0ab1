import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { actorOf } from '../audit/actor.ts';
import type { Caller } from '../auth/authenticated-client.ts';
import type { ClientKeyRow, ShownClientRow } from '../auth/client-row.ts';
import { CurrentCaller, RequestId, Roles } from '../auth/decorators.ts';
import { PageQuery } from '../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../platform/paging.ts';
import {
  CreateClientRequest,
  IssueKeyRequest,
  toClientChange,
  toKeyExpiry,
  toNewClient,
  UpdateClientRequest,
} from './client-request.dto.ts';
import { type ClientKeyView, type ClientView, toClientKeyView, toClientView } from './client-response.dto.ts';
import { ClientChanges } from './client-updater.ts';
import { ClientStore } from './clients.service.ts';

/** The clients of this service and their keys. For admins only. */
@ApiTags('clients')
@Roles('admin')
@Controller('v1/clients')
export class ClientsController {
  constructor(
    private readonly clients: ClientStore,
    private readonly changes: ClientChanges,
  ) {}

  @Post()
  async create(
    @Body() request: CreateClientRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<ClientView & { api_key: string; api_key_expires_at: string | null }> {
    const { client, apiKey, keyExpiresAt } = await this.clients.create(
      actorOf(caller),
      toNewClient(request),
      requestId,
    );
    return {
      ...toClientView(client),
      api_key: apiKey.expose(),
      api_key_expires_at: keyExpiresAt?.toISOString() ?? null,
    };
  }

  @Get()
  async list(@Query() { limit, cursor }: PageQuery): Promise<Page<ClientWithKeys>> {
    const rows = await this.clients.list(limit, decodeCursor(cursor));
    const keys = await this.clients.keysOf(rows.map(({ id }) => id));
    return toPage(rows, limit, (row) => withKeys(row, keys));
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<ClientWithKeys> {
    return withKeys(await this.clients.get(id), await this.clients.keysOf([id]));
  }

  @Patch(':id')
  async change(
    @Param('id') id: string,
    @Body() request: UpdateClientRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<ClientWithKeys> {
    const client = await this.changes.change(actorOf(caller), id, toClientChange(request), requestId);
    return withKeys(client, await this.clients.keysOf([id]));
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
    @Body() request: IssueKeyRequest,
    @CurrentCaller() caller: Caller,
    @RequestId() requestId: string,
  ): Promise<{
    api_key: string;
    api_key_expires_at: string | null;
    grace_seconds: number;
    previous_keys_expire_at: string;
  }> {
    const { grace_seconds: grace } = request;
    const issued = await this.clients.issueKey(actorOf(caller), id, grace, requestId, toKeyExpiry(request));
    return {
      api_key: issued.apiKey.expose(),
      api_key_expires_at: issued.expiresAt?.toISOString() ?? null,
      grace_seconds: grace,
      previous_keys_expire_at: issued.previousKeysExpireAt.toISOString(),
    };
  }
}

type ClientWithKeys = ClientView & { keys: ClientKeyView[] };

function withKeys(row: ShownClientRow, keys: ReadonlyMap<string, ClientKeyRow[]>): ClientWithKeys {
  return { ...toClientView(row), keys: (keys.get(row.id) ?? []).map(toClientKeyView) };
}
