import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Registry } from 'prom-client';
import { Clock } from './clock.ts';
import { HttpClient } from './http-client/http-client.ts';
import { Ids } from './ids.ts';
import { JobScheduler, RUNS_JOBS } from './jobs/job-scheduler.ts';
import { LOGGER, type Pino } from './logger.ts';
import { Random } from './random.ts';
import { Timers } from './timers.ts';

export interface PlatformOptions {
  clock: Clock;
  random: Random;
  ids: Ids;
  http: HttpClient;
  logger: Pino;
  /** Whether background jobs run on schedule in this process. */
  runsJobs: boolean;
}

/** The platform's injectables and the job scheduler. */
@Global()
@Module({})
export class PlatformModule {
  static register({ clock, random, ids, http, logger, runsJobs }: PlatformOptions): DynamicModule {
    const providers: Provider[] = [
      { provide: Clock, useValue: clock },
      { provide: Random, useValue: random },
      { provide: Ids, useValue: ids },
      { provide: HttpClient, useValue: http },
      { provide: LOGGER, useValue: logger },
      { provide: Registry, useValue: new Registry() },
      { provide: RUNS_JOBS, useValue: runsJobs },
      Timers,
      JobScheduler,
    ];
    return {
      module: PlatformModule,
      imports: [ScheduleModule.forRoot({ cronJobs: runsJobs, intervals: runsJobs, timeouts: runsJobs })],
      providers,
      exports: providers,
    };
  }
}
