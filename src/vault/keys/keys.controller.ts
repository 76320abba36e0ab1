import { Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { toActor } from '../../audit/actor.ts';
import type { AuthenticatedClient } from '../../auth/authenticated-client.ts';
import { CurrentClient, NeedsFreshSignIn, RequestId, Roles } from '../../auth/decorators.ts';
import { WaitsForStandby } from '../../database/standby/waits-for-standby.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { exampleId } from '../../platform/openapi/examples.ts';
import { PageRequest } from '../../platform/page-request.dto.ts';
import { decodeCursor, toPage } from '../../platform/paging.ts';
import {
  KeyAdministrationService,
  keyInUse,
  keyNotFound,
  rootKeyReplaced,
  rootKeyUnavailable,
} from './key-administration.service.ts';
import {
  KeyPageResponse,
  KeyResponse,
  RewrapProgressResponse,
  toKeyResponse,
  toRewrapProgressResponse,
} from './key-response.dto.ts';

/** The key in a path. */
const ApiKeyId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the key', example: exampleId('kek') });

/** Routes of the key-encryption keys. */
@ApiTags('keys')
@Roles('admin')
@Controller('v1/keys')
export class KeysController {
  constructor(private readonly keyAdministration: KeyAdministrationService) {}

  @Get()
  @Roles('admin', 'auditor')
  @ApiOperation({
    operationId: 'listKeys',
    summary: 'List key-encryption keys',
    description: 'With the progress of the last rewrap. Keys themselves are never shown.',
  })
  @ApiOkResponse({ type: KeyPageResponse, description: 'The keys, oldest first' })
  async list(@Query() { limit, cursor }: PageRequest): Promise<KeyPageResponse> {
    const [rows, rewrap] = await Promise.all([
      this.keyAdministration.list(limit, decodeCursor(cursor)),
      this.keyAdministration.rewrapProgress(),
    ]);
    return { ...toPage(rows, limit, toKeyResponse), rewrap: toRewrapProgressResponse(rewrap) };
  }

  @Post('rotate')
  @ApiOperation({
    operationId: 'rotateKey',
    summary: 'Create a new active key',
    description: 'Every replica wraps new data keys with it from now on. `rewrapKeys` moves the old ones.',
  })
  @ApiCreatedResponse({ type: KeyResponse, description: 'The new key' })
  @ApiProblems(rootKeyReplaced, rootKeyUnavailable)
  async rotate(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyResponse> {
    const { id, createdAt } = await this.keyAdministration.rotate(toActor(client), requestId);
    reply.header('location', `/v1/keys/${id}`);
    return { id, state: 'active', created_at: createdAt.toISOString(), retired_at: null, data_keys: 0 };
  }

  @Post('rewrap')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'rewrapKeys',
    summary: 'Move all data keys to the active key',
    description: 'Runs in the background on all replicas. Asking again while it runs changes nothing.',
  })
  @ApiAcceptedResponse({ type: RewrapProgressResponse, description: 'The rewrap runs' })
  async rewrap(
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<RewrapProgressResponse> {
    return toRewrapProgressResponse(await this.keyAdministration.requestRewrap(toActor(client), requestId));
  }

  @Get('rewrap')
  @Roles('admin', 'auditor')
  @ApiOperation({
    operationId: 'getRewrapProgress',
    summary: 'Get the progress of the last rewrap',
    description: '`idle` if there was none.',
  })
  @ApiOkResponse({ type: RewrapProgressResponse, description: 'The progress' })
  async rewrapProgress(): Promise<RewrapProgressResponse> {
    return toRewrapProgressResponse(await this.keyAdministration.rewrapProgress());
  }

  @Get(':id')
  @Roles('admin', 'auditor')
  @ApiKeyId()
  @ApiOperation({
    operationId: 'getKey',
    summary: 'Get a key-encryption key',
    description: 'What is known of it. The key itself is never shown.',
  })
  @ApiOkResponse({ type: KeyResponse, description: 'The key' })
  @ApiProblems(keyNotFound)
  async get(@Param('id') id: string): Promise<KeyResponse> {
    return toKeyResponse(await this.keyAdministration.get(id));
  }

  @Delete(':id')
  @HttpCode(204)
  @NeedsFreshSignIn()
  @WaitsForStandby({ isEnding: true })
  @ApiKeyId()
  @ApiOperation({
    operationId: 'retireKey',
    summary: 'Destroy a key that nothing needs',
    description: 'Refused while the key is active or wraps a data key. Destroying it again is 204, too.',
  })
  @ApiNoContentResponse({ description: 'The key is destroyed' })
  @ApiProblems(keyNotFound, keyInUse)
  async retire(
    @Param('id') id: string,
    @CurrentClient() client: AuthenticatedClient,
    @RequestId() requestId: string,
  ): Promise<void> {
    await this.keyAdministration.retire(toActor(client), id, requestId);
  }
}
