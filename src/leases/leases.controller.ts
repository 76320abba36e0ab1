import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
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
import { AuthenticationService } from '../auth/authentication.service.ts';
import { CurrentClient, RequestId, Roles, RolesWithCachedClient } from '../auth/decorators.ts';
import { notAllowed, PolicyViolationError } from '../auth/policy/policy.ts';
import { Config } from '../config/config.ts';
import { connectionNotFound, reauthRequired } from '../connections/connection/connection-problems.ts';
import { minValidUnsatisfiable, refreshPending } from '../lifecycle/refresh/on-demand-refresh.service.ts';
import { ApiProblems } from '../platform/openapi/api-problems.ts';
import { exampleId } from '../platform/openapi/examples.ts';
import { AppError } from '../platform/problem.ts';
import { IntrospectionRequest, LeaseRequest } from './lease.dto.ts';
import { LeaseService } from './lease.service.ts';
import { LeaseIssuer, OutdatedClientError } from './lease-issuer.ts';
import {
  ambiguousConnection,
  assetWithoutCredential,
  credentialUnreadable,
  leaseNotFound,
  modeNotAllowed,
} from './lease-problems.ts';
import {
  ActiveLeaseResponse,
  InactiveLeaseResponse,
  type IntrospectionResponse,
  IssuedLeaseResponse,
  LeaseResponse,
} from './lease-response.dto.ts';

/** The lease in a path. */
const ApiLeaseId = (): MethodDecorator =>
  ApiParam({ name: 'id', description: 'Id of the lease', example: exampleId('lse') });

@ApiTags('leases')
@Controller('v1/leases')
export class LeasesController {
  constructor(
    private readonly leaseIssuer: LeaseIssuer,
    private readonly leaseService: LeaseService,
    private readonly config: Config,
    private readonly authentication: AuthenticationService,
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
    const lease = await this.issueWithCurrentClient(client, request, requestId, call);
    reply.header('location', `/v1/leases/${lease.lease_id}`);
    return lease;
  }

  @Post('introspect')
  @HttpCode(200)
  @Roles('service', 'admin')
  @ApiOperation({
    operationId: 'introspectLease',
    summary: 'Tell what a lease token allows now',
    description:
      'Token introspection (RFC 7662). `active: false` for everything that is no active gateway lease of the caller; ' +
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

  @Get(':id')
  @Roles('service', 'admin', 'auditor')
  @ApiLeaseId()
  @ApiOperation({
    operationId: 'getLease',
    summary: 'Get a lease',
    description: 'Never shows its token. Services see their own leases, admins and auditors all within their policy.',
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

  private async issueWithCurrentClient(
    client: AuthenticatedClient,
    request: LeaseRequest,
    requestId: string,
    call: FastifyRequest,
  ): Promise<IssuedLeaseResponse> {
    try {
      return await this.leaseIssuer.issue(client, request, requestId);
    } catch (error) {
      // The cached client may be outdated: look it up again before refusing it.
      if (!(error instanceof OutdatedClientError || error instanceof PolicyViolationError)) throw error;
    }
    return this.leaseIssuer.issue(await this.authentication.authenticate(call, 0), request, requestId);
  }
}
