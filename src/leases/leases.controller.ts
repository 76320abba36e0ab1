import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiExtraModels,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { CurrentClient, RequestId, Roles, RolesWithCachedClient } from '../auth/decorators.ts';
import { notAllowed } from '../auth/policy/policy.ts';
import { Config } from '../config/config.ts';
import { connectionNotFound, reauthRequired } from '../connections/connection/connection-problems.ts';
import { WaitsForStandby } from '../database/standby/waits-for-standby.ts';
import { minValidUnsatisfiable, refreshPending } from '../lifecycle/refresh/on-demand-refresh.service.ts';
import { ApiPage } from '../platform/openapi/api-page.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { exampleId } from '../platform/openapi/examples.ts';
import type { Page } from '../platform/paging.ts';
import { AppError } from '../platform/problem.ts';
import { IntrospectionRequest, LeaseRequest } from './lease.dto.ts';
import { LeaseService } from './lease.service.ts';
import { LeaseBatchRequest, LeaseBatchResponse } from './lease-batch.dto.ts';
import { LeaseListService } from './lease-list.service.ts';
import {
  ambiguousConnection,
  assetWithoutCredential,
  credentialUnreadable,
  leaseNotFound,
  modeNotAllowed,
} from './lease-problems.ts';
import { LeaseRequestService } from './lease-request.service.ts';
import {
  ActiveLeaseResponse,
  InactiveLeaseResponse,
  type IntrospectionResponse,
  IssuedLeaseResponse,
  LeaseResponse,
} from './lease-response.dto.ts';
import { ListLeasesRequest } from './list-leases.dto.ts';

/** The lease in a path. */
const ApiLeaseId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the lease', example: exampleId('lse') });

@ApiTags('leases')
@Controller('v1/leases')
export class LeasesController {
  constructor(
    private readonly leaseRequests: LeaseRequestService,
    private readonly leaseService: LeaseService,
    private readonly leaseList: LeaseListService,
    private readonly config: Config,
  ) {}

  @Post()
  @RolesWithCachedClient('service')
  @ApiOperation({
    operationId: 'issueLease',
    summary: 'Get short-lived access to a token',
    description:
      'Finds the connection of the tenant and product, and returns a lease for its token. Keep a lease and use it until ' +
      'shortly before it ends, instead of asking for each call. The answer comes only once the audit record has its entry.',
  })
  @ApiCreatedResponse({ type: IssuedLeaseResponse, description: 'The lease, with its token' })
  @ApiProblems(
    notAllowed,
    modeNotAllowed,
    connectionNotFound,
    ambiguousConnection,
    reauthRequired,
    assetWithoutCredential,
    minValidUnsatisfiable,
    refreshPending,
    credentialUnreadable,
  )
  async issue(
    @CurrentClient() client: AuthenticatedClient,
    @Body() request: LeaseRequest,
    @RequestId() requestId: string,
    @Req() call: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IssuedLeaseResponse> {
    const lease = await this.leaseRequests.issue({ client, call, requestId }, request);
    reply.header('location', `/v1/leases/${lease.lease_id}`);
    return lease;
  }

  @Post('batch')
  @HttpCode(200)
  @RolesWithCachedClient('service')
  @ApiOperation({
    operationId: 'issueLeases',
    summary: 'Get up to 100 leases at once',
    description:
      'For jobs over many connections. Each request is judged by itself, as by `POST /v1/leases`, and all are written in ' +
      'one statement. For the rate limit it is one request.',
  })
  @ApiOkResponse({ type: LeaseBatchResponse, description: 'A lease or a problem for each request' })
  async issueBatch(
    @CurrentClient() client: AuthenticatedClient,
    @Body() { requests }: LeaseBatchRequest,
    @RequestId() requestId: string,
    @Req() call: FastifyRequest,
  ): Promise<LeaseBatchResponse> {
    return { results: await this.leaseRequests.issueAll({ client, call, requestId }, requests) };
  }

  @Post('introspect')
  @HttpCode(200)
  @Roles('service', 'admin')
  @ApiOperation({
    operationId: 'introspectLease',
    summary: 'Check what a lease token allows now',
    description:
      'Token introspection (RFC 7662). `active: false` for everything that is not an active gateway lease of the caller; ' +
      'admins see the leases of all clients.',
  })
  @ApiExtraModels(ActiveLeaseResponse, InactiveLeaseResponse)
  @ApiOkResponse({
    description: 'What the token allows, or `active: false`',
    schema: {
      oneOf: [{ $ref: getSchemaPath(ActiveLeaseResponse) }, { $ref: getSchemaPath(InactiveLeaseResponse) }],
    },
  })
  introspect(
    @CurrentClient() client: AuthenticatedClient,
    @Body() request: IntrospectionRequest,
  ): Promise<IntrospectionResponse> {
    return this.leaseService.introspect(client, request.token, this.config.publicUrl);
  }

  @Get()
  @Roles('service', 'admin', 'auditor')
  @ApiOperation({
    operationId: 'listLeases',
    summary: 'List leases',
    description:
      'Newest first, those of the last RETENTION_DAYS; never their tokens. Services see their own leases, admins and ' +
      'auditors all within their policy. A page may hold fewer leases than `limit`, even none, though more follow: ' +
      'continue while there is a `next_cursor`.',
  })
  @ApiPage(LeaseResponse, 'A page of leases')
  list(@CurrentClient() client: AuthenticatedClient, @Query() query: ListLeasesRequest): Promise<Page<LeaseResponse>> {
    return this.leaseList.list(client, query);
  }

  @Get(':id')
  @Roles('service', 'admin', 'auditor')
  @ApiLeaseId()
  @ApiOperation({
    operationId: 'getLease',
    summary: 'Get a lease',
    description: 'Never shows its token. Services see their own leases, auditors those of their policy, admins all.',
  })
  @ApiOkResponse({ type: LeaseResponse, description: 'The lease' })
  @ApiProblems(leaseNotFound)
  async find(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<LeaseResponse> {
    const lease = await this.leaseService.find(client, id);
    if (lease === null) throw new AppError(leaseNotFound);
    return lease;
  }

  @Delete(':id')
  @HttpCode(204)
  @WaitsForStandby({ isEnding: true })
  @Roles('service', 'admin')
  @ApiLeaseId()
  @ApiOperation({
    operationId: 'endLease',
    summary: 'End a lease',
    description: 'Takes effect before the answer, on every replica. Ending it again is 204, too.',
  })
  @ApiNoContentResponse({ description: 'The lease has ended' })
  @ApiProblems(leaseNotFound)
  async end(
    @CurrentClient() client: AuthenticatedClient,
    @Param('id') id: string,
    @RequestId() requestId: string,
  ): Promise<void> {
    if (!(await this.leaseService.end(client, id, requestId))) throw new AppError(leaseNotFound);
  }
}
