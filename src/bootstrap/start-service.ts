import path from 'node:path';
import type { Config } from '../config/config.ts';
import { loadDevelopmentKeys } from '../config/development-keys.ts';
import type { Environment } from '../config/environment-reader.ts';
import { loadConfig } from '../config/load-config.ts';
import { launchEmbeddedPostgres } from '../database/embedded-postgres.ts';
import { SystemClock } from '../platform/clock.ts';
import { createLogger } from '../platform/logger.ts';
import { type Random, SystemRandom } from '../platform/random.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { StartPhases } from './start-phases.ts';

export interface Service {
  config: Config;
  /** URL that the replica listens on. */
  address: string;
  /** URL of the operations listener; null if there is none. */
  operationsAddress: string | null;
  /** The built-in sandbox; null if a Meta app is configured. */
  sandbox: Sandbox | null;
  /** Folder of the development keys; null if none are in use. */
  keyDirectory: string | null;
  /** Drains the replica, then stops the sandbox and the embedded database. */
  close(): Promise<void>;
}

/**
 * Starts a replica from its environment. Outside of production, adds what is missing: keys, the sandbox, an embedded
 * Postgres. If that fails, stops everything it started and throws the cause.
 */
export async function startService(environment: Environment): Promise<Service> {
  const running: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let stop = running.pop(); stop !== undefined; stop = running.pop()) await stop();
  };
  try {
    return await start(environment, running, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  environment: Environment,
  running: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<Service> {
  const phases = new StartPhases();
  phases.end('runtime');
  const random = new SystemRandom();
  const usesSandbox =
    !isProduction(environment) && !isSet(environment, 'META_APP_ID') && !isSet(environment, 'META_APP_SECRET');
  const placeholderApp = usesSandbox ? { META_APP_ID: '0', META_APP_SECRET: 'sandbox' } : {};
  // Reports all wrong settings before anything is started or written.
  const planned = loadConfig({ ...placeholderKeys(environment), ...environment, ...placeholderApp });

  const keys = isProduction(environment) ? null : loadDevelopmentKeys(environment, planned.dataDir, random);
  const embedded = planned.databaseUrl === null ? await launchDatabase(planned, random) : null;
  if (embedded !== null) running.push(() => embedded.postgres.stop());
  phases.end('settings');
  // Loading these modules takes most of the startup time; Postgres starts in parallel.
  const { createReplica } = await import('./replica.ts');
  phases.end('modules');
  await embedded?.ready();
  const sandbox = usesSandbox ? await startBuiltInSandbox(planned, random) : null;
  if (sandbox !== null) running.push(() => sandbox.close());
  phases.end('development');

  const config = loadConfig({ ...sandbox?.environment(), ...withoutEmpty(environment), ...keys?.variables });
  const hasDevelopmentKeys = keys !== null && Object.keys(keys.variables).length > 0;
  if (hasDevelopmentKeys) warnAboutDevelopmentKeys(config, keys.directory, Object.keys(keys.variables));
  const databaseUrl = planned.databaseUrl?.expose() ?? embedded?.postgres.url ?? '';
  const replica = await createReplica({ config, databaseUrl });
  running.push(() => replica.close());
  phases.end('replica');
  const address = await replica.listen();
  phases.end('listen');
  const operationsAddress = replica.operationsAddress();
  createLogger(config.logLevel).info(
    {
      address,
      ...(operationsAddress === null ? {} : { operations_address: operationsAddress }),
      public_url: config.publicUrl,
      start_ms: Math.round(performance.now()),
      phases_ms: phases.durations,
    },
    'ready',
  );
  return {
    config,
    address,
    operationsAddress,
    sandbox,
    keyDirectory: hasDevelopmentKeys ? keys.directory : null,
    close,
  };
}

/** Placeholders for keys that are generated later, so that other settings can be checked first. */
function placeholderKeys(environment: Environment): Environment {
  const needsKey =
    !isProduction(environment) && !isSet(environment, 'ROOT_KEY') && !isSet(environment, 'ROOT_KEY_FILE');
  const isLocal = (environment['KMS_PROVIDER']?.trim() || 'local') === 'local';
  return needsKey && isLocal ? { ROOT_KEY: Buffer.alloc(32).toString('base64') } : {};
}

function isProduction(environment: Environment): boolean {
  return environment['NODE_ENV']?.trim() === 'production';
}

function isSet(environment: Environment, name: string): boolean {
  return (environment[name]?.trim() ?? '') !== '';
}

function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isSet(environment, name)));
}

function launchDatabase(config: Config, random: Random): ReturnType<typeof launchEmbeddedPostgres> {
  return launchEmbeddedPostgres({ directory: path.join(config.dataDir, 'postgres'), random });
}

/** Uses the port above ours if it is free, so that the URL stays the same between starts. */
async function startBuiltInSandbox(config: Config, random: Random): Promise<Sandbox> {
  const { startSandbox } = await import('../sandbox/sandbox.ts');
  const clock = new SystemClock();
  const options = {
    host: '127.0.0.1',
    now: () => clock.now().getTime(),
    randomBytes: (size: number) => random.bytes(size),
    stateFile: path.join(config.dataDir, 'sandbox.json'),
  };
  try {
    return await startSandbox({ ...options, port: config.port === 0 ? 0 : config.port + 1 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startSandbox({ ...options, port: 0 });
  }
}

function warnAboutDevelopmentKeys(config: Config, directory: string, names: readonly string[]): void {
  createLogger(config.logLevel).warn(
    { directory, variables: names },
    `DEVELOPMENT KEYS IN USE: ${names.join(' and ')} are not set, so generated ones in ${directory} are used. ` +
      'Never use them for real tokens.',
  );
}
