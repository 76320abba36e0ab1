import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Roles } from '../../auth/decorators.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { AppError, serviceUnavailable } from '../../platform/problem.ts';
import { DiagnosisService } from '../health/diagnosis.service.ts';
import { DoctorRequest, DoctorResponse } from './doctor.dto.ts';
import { FINDING_STATES } from './finding.ts';

/** The findings of `metavault doctor`, over the API. */
@ApiTags('operations')
@Roles('admin')
@Controller('v1/doctor')
export class DoctorController {
  constructor(private readonly diagnoses: DiagnosisService) {}

  @Get()
  @ApiOperation({
    operationId: 'runDoctor',
    summary: 'Check this installation',
    description:
      "Runs the checks of `metavault doctor`: Meta's view of the apps, addresses, versions, limits, keys, receivers, and " +
      'connections that need a person. Two are for the command line alone: `database`, as nothing answers here without ' +
      'one, and the part of `rollback` that compares every row with the audit record, which reads them all; here it is ' +
      'what replicas found in 30 days. Answers within five seconds; checks that take longer continue, and the next answer ' +
      'has their findings. One run at a time.',
  })
  @ApiOkResponse({ type: DoctorResponse, description: 'The findings' })
  @ApiProblems(serviceUnavailable)
  async examine(@Query() { fresh }: DoctorRequest): Promise<DoctorResponse> {
    const diagnosis = await this.diagnoses.latest({ isFresh: fresh === 'true' });
    if (diagnosis === null)
      throw new AppError(serviceUnavailable, { detail: 'The checks themselves failed; see the log.' });
    const findings = [...diagnosis.findings].sort(
      (a, b) => FINDING_STATES.indexOf(b.state) - FINDING_STATES.indexOf(a.state),
    );
    return { examined_at: diagnosis.examinedAt.toISOString(), findings };
  }
}
