import { collectDefaultMetrics, type Registry, register } from 'prom-client';

/**
 * Returns prom-client's registry of the process, with its memory and the like. Collects from the first call on, once
 * for all replicas that run in it: nothing stops measuring the event loop and garbage collection.
 */
export function processMetrics(): Registry {
  if (register.getMetricsAsArray().length === 0) collectDefaultMetrics();
  return register;
}
