import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import type { ClientDetailsRow, ClientKeyRow } from '../auth/client-row.ts';
import { CurrentClient, RequestId, Roles } from '../auth/decorators.ts';
import { PageRequest } from '../platform/page-request.dto.ts';
import { decodeCursor, type Page, toPage } from '../platform/paging.ts';
import {
  CreateClientRequest,
  IssueKeyRequest,
  toClientChange,
  toKeyExpiry,
  toNewClient,
  UpdateClientRequest,
} from './client-request.dto.ts';
import {
  type ClientKeyResponse,
  type ClientResponse,
  toClientKeyResponse,
  toClientResponse,
} from './client-response.dto.ts';
import { ClientUpdater } from './client-updater.ts';
import { ClientsService } from './clients.service.ts';

/** Clients and their keys. Admins only. */
@ApiTags('clients')
@Roles('admin')
@Controller('v1/clients')
export class ClientsController {
  constructor(
    private readonly clients: ClientsService,
    private readonly changes: ClientUpdater,
  ) {}

  @Post()
  async create(
    @Body() request: CreateClientRequest,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<ClientResponse & { api_key: string; api_key_expires_at: string | null }> {
    const { client, apiKey, keyExpiresAt } = await this.clients.create(toActor(admin), toNewClient(request), requestId);
    return {
      ...toClientResponse(client),
      api_key: apiKey.expose(),
      api_key_expires_at: keyExpiresAt?.toISOString() ?? null,
    };
  }

  @Get()
  async list(@Query() { limit, cursor }: PageRequest): Promise<Page<ClientWithKeys>> {
    const rows = await this.clients.list(limit, decodeCursor(cursor));
    const keys = await this.clients.listKeys(rows.map(({ id }) => id));
    return toPage(rows, limit, (row) => withKeys(row, keys));
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<ClientWithKeys> {
    const client = await this.clients.get(id);
    return withKeys(client, await this.clients.listKeys([client.id]));
  }

  @Patch(':id')
  async change(
    @Param('id') id: string,
    @Body() request: UpdateClientRequest,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<ClientWithKeys> {
    const client = await this.changes.change(toActor(admin), id, toClientChange(request), requestId);
    return withKeys(client, await this.clients.listKeys([client.id]));
  }

  @Delete(':id')
  @HttpCode(204)
  async delete(
    @Param('id') id: string,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.clients.delete(toActor(admin), id, requestId);
  }

  @Post(':id/keys')
  async issueKey(
    @Param('id') id: string,
    @Body() request: IssueKeyRequest,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<{
    api_key: string;
    api_key_expires_at: string | null;
    grace_seconds: number;
    previous_keys_expire_at: string;
  }> {
    const { grace_seconds: grace } = request;
    const issued = await this.clients.issueKey(toActor(admin), id, grace, requestId, toKeyExpiry(request));
    return {
      api_key: issued.apiKey.expose(),
      api_key_expires_at: issued.expiresAt?.toISOString() ?? null,
      grace_seconds: grace,
      previous_keys_expire_at: issued.previousKeysExpireAt.toISOString(),
    };
  }
}

type ClientWithKeys = ClientResponse & { keys: ClientKeyResponse[] };

function withKeys(row: ClientDetailsRow, keys: ReadonlyMap<string, ClientKeyRow[]>): ClientWithKeys {
  return { ...toClientResponse(row), keys: (keys.get(row.id) ?? []).map(toClientKeyResponse) };
}
