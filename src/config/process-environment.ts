import type { Environment } from './environment-reader.ts';

/** The environment of this process, for the composition to hand on. */
export function processEnvironment(): Environment {
  return process.env;
}
