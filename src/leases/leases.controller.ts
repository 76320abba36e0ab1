import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { AuthenticatedClient } from '../auth/authenticated-client.ts';
import { AuthenticationService } from '../auth/authentication.service.ts';
import { CurrentClient, RequestId, Roles, RolesWithCachedClient } from '../auth/decorators.ts';
import { PolicyViolationError } from '../auth/policy/policy.ts';
import { Config } from '../config/config.ts';
import { AppError } from '../platform/problem.ts';
import {
  IntrospectionRequest,
  type IntrospectionResponse,
  type IssuedLeaseResponse,
  LeaseRequest,
  type LeaseResponse,
} from './lease.dto.ts';
import { LeaseService } from './lease.service.ts';
import { LeaseIssuer, OutdatedClientError } from './lease-issuer.ts';
import { leaseNotFound } from './lease-problems.ts';

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
  async issue(
    @CurrentClient() client: AuthenticatedClient,
    @Body() request: LeaseRequest,
    @RequestId() requestId: string,
    @Req() call: FastifyRequest,
  ): Promise<IssuedLeaseResponse> {
    try {
      return await this.leaseIssuer.issue(client, request, requestId);
    } catch (error) {
      // The cached client may be outdated: look it up again before refusing it.
      if (!(error instanceof OutdatedClientError || error instanceof PolicyViolationError)) throw error;
    }
    return this.leaseIssuer.issue(await this.authentication.authenticate(call, 0), request, requestId);
  }

  @Post('introspect')
  @HttpCode(200)
  @Roles('service', 'admin')
  introspect(
    @CurrentClient() client: AuthenticatedClient,
    @Body() request: IntrospectionRequest,
  ): Promise<IntrospectionResponse> {
    return this.leaseService.introspect(client, request.token, this.config.publicUrl);
  }

  @Get(':id')
  @Roles('service', 'admin', 'auditor')
  async find(@CurrentClient() client: AuthenticatedClient, @Param('id') id: string): Promise<LeaseResponse> {
    const lease = await this.leaseService.find(client, id);
    if (lease === null) throw new AppError(leaseNotFound);
    return lease;
  }

  @Delete(':id')
  @HttpCode(204)
  @Roles('service', 'admin')
  async end(
    @CurrentClient() client: AuthenticatedClient,
    @Param('id') id: string,
    @RequestId() requestId: string,
  ): Promise<void> {
    if (!(await this.leaseService.end(client, id, requestId))) throw new AppError(leaseNotFound);
  }
}
