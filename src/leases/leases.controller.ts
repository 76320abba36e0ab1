import { Body, Controller, Delete, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../auth/authenticated-client.ts';
import { Authentication } from '../auth/authentication.service.ts';
import { CurrentCaller, RequestId, Roles, RolesCheckedAgain } from '../auth/decorators.ts';
import { PolicyRefusal } from '../auth/policy/policy.ts';
import { Config } from '../config/config.ts';
import { AppError } from '../platform/problem.ts';
import { IntrospectionRequest, LeaseRequest } from './lease.dto.ts';
import { type Introspection, LeaseRecords, type LeaseView } from './lease.service.ts';
import { CallerOutdated, IssueLease, type LeaseGrantView } from './lease-issuer.ts';
import { leaseNotFound } from './lease-problems.ts';

@ApiTags('leases')
@Controller('v1/leases')
export class LeasesController {
  constructor(
    private readonly issueLease: IssueLease,
    private readonly records: LeaseRecords,
    private readonly config: Config,
    private readonly authentication: Authentication,
  ) {}

  @Post()
  @RolesCheckedAgain('service')
  async issue(
    @CurrentCaller() caller: Caller,
    @Body() request: LeaseRequest,
    @RequestId() requestId: string,
    @Req() call: FastifyRequest,
  ): Promise<LeaseGrantView> {
    try {
      return await this.issueLease.issue(caller, request, requestId);
    } catch (error) {
      // The caller may have been remembered: what refuses it, or was found to be outdated, is looked at as it is now.
      if (!(error instanceof CallerOutdated || error instanceof PolicyRefusal)) throw error;
    }
    return this.issueLease.issue(await this.authentication.callerOf(call, 0), request, requestId);
  }

  @Post('introspect')
  @HttpCode(200)
  @Roles('service', 'admin')
  introspect(@CurrentCaller() caller: Caller, @Body() request: IntrospectionRequest): Promise<Introspection> {
    return this.records.introspect(caller, request.token, this.config.publicUrl);
  }

  @Get(':id')
  @Roles('service', 'admin', 'auditor')
  async find(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<LeaseView> {
    const lease = await this.records.find(caller, id);
    if (lease === null) throw new AppError(leaseNotFound);
    return lease;
  }

  @Delete(':id')
  @HttpCode(204)
  @Roles('service', 'admin')
  async end(@CurrentCaller() caller: Caller, @Param('id') id: string, @RequestId() requestId: string): Promise<void> {
    if (!(await this.records.end(caller, id, requestId))) throw new AppError(leaseNotFound);
  }
}
