import type { OperationsConfig } from './config.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { HOST_FORM, HOST_PATTERN, readSecret } from './setting-readers.ts';

/**
 * Reads who may see metrics, details of readiness, and the API document. `host` and `port` are the public listener's.
 * Warns if nobody can see them in production.
 */
export function readOperations(
  reader: EnvironmentReader,
  { host, port, isProduction }: { host: string; port: number; isProduction: boolean },
): OperationsConfig {
  const own = reader.optionalInteger('OPERATIONS_PORT', 0, 65_535);
  const token = readSecret(
    reader,
    'OPERATIONS_TOKEN',
    /^[\x21-\x7e]{32,512}$/,
    'at least 32 characters of visible ASCII without spaces (make one with: openssl rand -hex 32)',
  );
  const ownHost = reader.matching('OPERATIONS_HOST', HOST_PATTERN, HOST_FORM);
  if (own !== null && own !== 0 && own === port)
    reader.fault('OPERATIONS_PORT', 'must differ from PORT, whose listener is the public one.');
  if (ownHost !== null && own === null) reader.fault('OPERATIONS_HOST', 'needs OPERATIONS_PORT; set both or neither.');
  const isUnset = own === null && reader.text('OPERATIONS_TOKEN') === null;
  if (isProduction && isUnset)
    reader.warn('OPERATIONS_PORT', 'is not set, nor is OPERATIONS_TOKEN: nobody can read /metrics.');
  return { isPublic: isUnset && !isProduction, host: ownHost ?? host, port: own, token };
}
