import { Controller, Get, HttpException, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ChainProgress } from '../../audit/chain/chain-progress.ts';
import { AuthenticationService } from '../../auth/authentication.service.ts';
import { Public } from '../../auth/decorators.ts';
import { OperatorAccess } from '../../auth/operator-access.ts';
import { AppError } from '../../platform/problem.ts';
import { DiagnosisService } from './diagnosis.service.ts';
import { LiveResponse, ReadyResponse, toChainCheck, toExaminedChecks } from './health.dto.ts';
import { Readiness } from './readiness.ts';

@ApiTags('operations')
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly readiness: Readiness,
    private readonly authentication: AuthenticationService,
    private readonly operators: OperatorAccess,
    private readonly diagnosisService: DiagnosisService,
    private readonly progress: ChainProgress,
  ) {}

  @Get('live')
  @ApiOperation({
    operationId: 'getLiveness',
    summary: 'Check that the process is running',
    description: 'Needs nothing else: for probes that restart a process.',
  })
  @ApiOkResponse({ type: LiveResponse, description: 'The process is running' })
  live(): LiveResponse {
    return { status: 'ok' };
  }

  /**
   * 200, or 503 in the same shape, naming what is down. With an admin's key `details` also has the findings of
   * `metavault doctor`; these never decide the status, because a replica with a wrong app secret can still serve
   * leases.
   */
  @Get('ready')
  @ApiOperation({
    operationId: 'getReadiness',
    summary: 'Check whether this replica can serve',
    description:
      "Checks database, migrations, key ring and clock. With an admin's key, `details` also has the doctor's checks with " +
      'their findings and remedies, renewed after five minutes. On the public port in production, callers that are neither ' +
      'operators nor admins get only the status: `info`, `error`, and `details` are empty.',
  })
  @ApiOkResponse({ type: ReadyResponse, description: 'Ready' })
  @ApiServiceUnavailableResponse({ type: ReadyResponse, description: 'Not ready: `error` says why' })
  async ready(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HealthCheckResult> {
    reply.header('cache-control', 'no-store');
    const { result: checked, isReady } = await this.checkReadiness();
    if (!isReady) reply.status(503);
    const isOperator = this.operators.isOperator(request);
    const isAdmin = isReady && !this.operators.hasToken(request) && (await this.isAdmins(request));
    if (!isOperator && !isAdmin) return withoutDetails(checked);
    // Does not decide the status: leases are still recorded.
    const result = { ...checked, details: { ...checked.details, audit_chain: toChainCheck(this.progress.holdUp) } };
    if (!isAdmin) return result;
    const diagnosis = await this.diagnosisService.latest();
    // Both include these checks: the readiness result is the more recent one.
    return diagnosis === null ? result : { ...result, details: { ...toExaminedChecks(diagnosis), ...result.details } };
  }

  /** A wrong key is counted and recorded as usual; a probe that sends one still gets the readiness. */
  private async isAdmins(request: FastifyRequest): Promise<boolean> {
    if (request.headers.authorization === undefined) return false;
    try {
      return (await this.authentication.authenticate(request, 0)).role === 'admin';
    } catch (error) {
      if (error instanceof AppError) return false;
      throw error;
    }
  }

  private async checkReadiness(): Promise<{ result: HealthCheckResult; isReady: boolean }> {
    try {
      const result = await this.health.check([
        () => this.readiness.process(),
        () => this.readiness.databaseAndMigrations(),
        () => this.readiness.keys(),
        () => this.readiness.time(),
      ]);
      return { result, isReady: true };
    } catch (error) {
      if (!(error instanceof HttpException) || error.getStatus() !== 503) throw error;
      return { result: error.getResponse() as HealthCheckResult, isReady: false };
    }
  }
}

/** What the public port shows in production: the status, in the same shape. */
function withoutDetails({ status }: HealthCheckResult): HealthCheckResult {
  return { status, info: {}, error: {}, details: {} };
}
