#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { type Service, startService } from './bootstrap/start-service.ts';
import { describeStartupError } from './bootstrap/startup-error.ts';
import { getProcessEnvironment } from './config/process-environment.ts';
import { HEAP_GROWTH_FLAG } from './platform/heap-growth.ts';

/**
 * Runs a replica. With `--demo`, also connects a sandbox user and shows what to try. The first SIGTERM or SIGINT drains
 * it, the second one exits at once.
 */
async function main(): Promise<void> {
  setFlagsFromString(HEAP_GROWTH_FLAG);
  const isDemo = process.argv.includes('--demo');
  const environment = isDemo ? { LOG_LEVEL: 'warn', ...getProcessEnvironment() } : getProcessEnvironment();
  let service: Service | null = null;
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    if (service !== null) void service.close().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  service = await startService(environment);
  // A signal arrived during startup.
  if (isStopping) return service.close().then(() => process.exit(0));
  if (!isDemo) return;
  try {
    const { runDemo } = await import('./bootstrap/demo.ts');
    process.stdout.write(await runDemo(service, process.stdout.isTTY === true));
  } catch (error) {
    if (isStopping) return;
    await service.close();
    throw error;
  }
}

function fail(error: unknown): never {
  process.stderr.write(`${describeStartupError(error)}\n`);
  process.exit(1);
}

await main().catch(fail);
