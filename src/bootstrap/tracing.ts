import type { TracingConfig } from '../config/config.ts';
import { openTracer } from '../platform/open-telemetry.ts';
import { settleWithin } from '../platform/settle-within.ts';
import { useTracer } from '../platform/tracing.ts';

const CLOSE_MS = 5_000;

/**
 * Sends the spans of this process to the configured collector, if any; otherwise its SDK is not even loaded.
 * Returns a function that sends what is left, within five seconds.
 */
export async function startTracing(tracing: TracingConfig | null): Promise<() => Promise<void>> {
  if (tracing === null) return async () => undefined;
  const tracer = await openTracer(tracing);
  useTracer(tracer);
  return async () => {
    useTracer(null);
    await settleWithin(tracer.close(), CLOSE_MS, undefined);
  };
}
