import type { Environment } from './environment-reader.ts';

/** The environment of this process, for the composition to hand on. */
export function getProcessEnvironment(): Environment {
  return process.env;
}
