import { collectDefaultMetrics, type Registry, register } from 'prom-client';

/**
 * Returns prom-client's registry of the process, with memory and similar metrics. Collects from the first call on, once
 * for all replicas in the process, because measuring the event loop and garbage collection cannot be stopped.
 */
export function processMetrics(): Registry {
  if (register.getMetricsAsArray().length === 0) collectDefaultMetrics();
  return register;
}
