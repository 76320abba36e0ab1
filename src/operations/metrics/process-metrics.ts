import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | null = null;

/**
 * Returns the metrics of this process, such as its memory. Collects them from the first call on, once for all replicas
 * that run in it: prom-client cannot stop measuring the event loop and garbage collection.
 */
export function processMetrics(): Registry {
  if (registry === null) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
