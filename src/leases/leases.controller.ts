import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Caller } from '../access/caller.ts';
import { CurrentCaller, RequestId, Roles, RolesCheckedAgain } from '../access/decorators.ts';
import { Config } from '../config/config.ts';
import { AppError } from '../platform/problem.ts';
import { IssueLease, type LeaseGrantView } from './issue-lease.ts';
import { leaseNotFound } from './lease-problems.ts';
import { type Introspection, LeaseRecords, type LeaseView } from './lease-records.ts';
import { IntrospectionRequest, LeaseRequest } from './lease-request.ts';

@ApiTags('leases')
@Controller('v1/leases')
export class LeasesController {
  constructor(
    private readonly issueLease: IssueLease,
    private readonly records: LeaseRecords,
    private readonly config: Config,
  ) {}

  @Post()
  @RolesCheckedAgain('service')
  issue(
    @CurrentCaller() caller: Caller,
    @Body() request: LeaseRequest,
    @RequestId() requestId: string,
  ): Promise<LeaseGrantView> {
    return this.issueLease.issue(caller, request, requestId);
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
