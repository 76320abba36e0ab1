import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import { toActor } from '../audit/actor.ts';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, NeedsFreshSignIn, RequestId, Roles } from '../auth/decorators.ts';
import { WaitsForStandby } from '../database/standby/waits-for-standby.ts';
import { ApiIdempotencyKey } from '../idempotency/api-idempotency-key.ts';
import { IdempotencyService } from '../idempotency/idempotency.service.ts';
import { idempotencyKeyReused } from '../idempotency/idempotency-problems.ts';
import { Idempotent, type IdempotentCall } from '../idempotency/idempotent-call.ts';
import { ApiPage } from '../platform/openapi/api-page.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { exampleId } from '../platform/openapi/examples.ts';
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
  ClientWithKeysResponse,
  CreatedClientResponse,
  IssuedKeyResponse,
  toClientWithKeysResponse,
  toCreatedClientResponse,
  toIssuedKeyResponse,
} from './client-response.dto.ts';
import { clientNotFound, identityTaken, lastAdmin } from './client-rules.ts';
import { ClientUpdater } from './client-updater.ts';
import { ClientsService, type CreatedClient, type IssuedKey } from './clients.service.ts';

const ApiClientId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the client', example: exampleId('cli') });

/** Clients and their keys. Admins only. */
@ApiTags('clients')
@Roles('admin')
@Controller('v1/clients')
export class ClientsController {
  constructor(
    private readonly clients: ClientsService,
    private readonly changes: ClientUpdater,
    private readonly idempotency: IdempotencyService,
  ) {}

  @Post()
  @ApiOperation({
    operationId: 'createClient',
    summary: 'Create a client',
    description: 'Creates a client and its first API key, which is shown once, in this answer.',
  })
  @ApiCreatedResponse({ type: CreatedClientResponse, description: 'The client, with its key' })
  @ApiIdempotencyKey()
  @ApiProblems(identityTaken, idempotencyKeyReused)
  create(
    @Body() request: CreateClientRequest,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
    @Idempotent() call: IdempotentCall,
  ): Promise<CreatedClientResponse> {
    return this.idempotency.create(
      call,
      (transact) => this.clients.create(toActor(admin), toNewClient(request), requestId, transact),
      (made: CreatedClient) => ({ location: `/v1/clients/${made.client.id}`, body: toCreatedClientResponse(made) }),
    );
  }

  @Get()
  @ApiOperation({
    operationId: 'listClients',
    summary: 'List clients',
    description: 'Lists all clients and what is known of their valid keys, oldest first. Never shows a key.',
  })
  @ApiPage(ClientWithKeysResponse, 'A page of clients')
  async list(@Query() { limit, cursor }: PageRequest): Promise<Page<ClientWithKeysResponse>> {
    const rows = await this.clients.list(limit, decodeCursor(cursor));
    const keys = await this.clients.listKeys(rows.map(({ id }) => id));
    return toPage(rows, limit, (row) => toClientWithKeysResponse(row, keys));
  }

  @Get(':id')
  @ApiClientId()
  @ApiOperation({
    operationId: 'getClient',
    summary: 'Get a client',
    description: 'Returns a client and what is known of its valid keys. Never shows a key.',
  })
  @ApiOkResponse({ type: ClientWithKeysResponse, description: 'The client' })
  @ApiProblems(clientNotFound)
  async get(@Param('id') id: string): Promise<ClientWithKeysResponse> {
    const client = await this.clients.get(id);
    return toClientWithKeysResponse(client, await this.clients.listKeys([client.id]));
  }

  @Patch(':id')
  @WaitsForStandby({ isEnding: false })
  @ApiClientId()
  @ApiOperation({
    operationId: 'updateClient',
    summary: 'Change a client',
    description:
      'Fields that are absent stay as they are. Takes effect with the next call of the client, on every replica.',
  })
  @ApiOkResponse({ type: ClientWithKeysResponse, description: 'The client afterwards' })
  @ApiProblems(clientNotFound, identityTaken)
  async change(
    @Param('id') id: string,
    @Body() request: UpdateClientRequest,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<ClientWithKeysResponse> {
    const client = await this.changes.change(toActor(admin), id, toClientChange(request), requestId);
    return toClientWithKeysResponse(client, await this.clients.listKeys([client.id]));
  }

  @Delete(':id')
  @HttpCode(204)
  @NeedsFreshSignIn()
  @WaitsForStandby({ isEnding: true })
  @ApiClientId()
  @ApiOperation({
    operationId: 'deleteClient',
    summary: 'Delete a client',
    description: 'Ends its keys and its leases at once. Idempotent.',
  })
  @ApiNoContentResponse({ description: 'The client is deleted' })
  @ApiProblems(clientNotFound, lastAdmin)
  async delete(
    @Param('id') id: string,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.clients.delete(toActor(admin), id, requestId);
  }

  @Post(':id/keys')
  @WaitsForStandby({ isEnding: false })
  @ApiClientId()
  @ApiOperation({
    operationId: 'issueClientKey',
    summary: 'Give a client a new API key',
    description:
      'The key is shown once, in this answer. Older keys keep working for `grace_seconds`. The body is optional.',
  })
  @ApiCreatedResponse({ type: IssuedKeyResponse, description: 'The key' })
  @ApiIdempotencyKey()
  @ApiProblems(clientNotFound, idempotencyKeyReused)
  issueKey(
    @Param('id') id: string,
    @Body() request: IssueKeyRequest,
    @CurrentClient() admin: AuthenticatedClient,
    @RequestId() requestId: string,
    @Idempotent() call: IdempotentCall,
  ): Promise<IssuedKeyResponse> {
    const { grace_seconds: grace } = request;
    return this.idempotency.create(
      call,
      (transact) => this.clients.issueKey(toActor(admin), id, grace, requestId, toKeyExpiry(request), transact),
      // A key has no URL of its own: its client lists it.
      (issued: IssuedKey) => ({ location: `/v1/clients/${issued.clientId}`, body: toIssuedKeyResponse(issued, grace) }),
    );
  }
}
