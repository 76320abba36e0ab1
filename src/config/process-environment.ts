import type { Environment } from './environment-reader.ts';

/** Returns this process's environment. Only bootstrap code may call it. */
export function getProcessEnvironment(): Environment {
  return process.env;
}
