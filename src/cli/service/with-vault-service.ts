import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { StartupError } from '../../bootstrap/startup-error.ts';
import type { Config } from '../../config/config.ts';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import type { ConnectionResponse } from '../../connections/connection/connection-response.dto.ts';
import { type CommandContext, hasMetaApp, loadCommandConfig, withApplicationContext } from '../command-context.ts';
import { withLocalVaultService } from './local-vault-service.ts';
import { withRemoteVaultService } from './remote-vault-service.ts';
import type { VaultService } from './vault-service.ts';

export interface ServiceOptions {
  url?: string;
  keyFile?: string;
}

/** Adds the options of `ServiceOptions`. */
export function addServiceOptions(command: Command): Command {
  return command
    .option('--url <url>', 'through this running service, not by itself on the database')
    .option('--key-file <file>', 'a file with an admin key for it (default BOOTSTRAP_ADMIN_KEY)');
}

/**
 * By default a command does the work in this process, on the same database as the replicas, which needs no API key and no running replica.
 * With `--url` or `--key-file` a running service does it; with the built-in sandbox, the replica that runs the sandbox does.
 */
export async function withVaultService<T>(
  { environment }: CommandContext,
  options: ServiceOptions,
  signal: AbortSignal,
  work: (service: VaultService) => Promise<T>,
): Promise<T> {
  const config = loadCommandConfig(environment);
  return isRemote(config, options)
    ? withRemoteService(config, options, signal, work)
    : withLocalVaultService(config, signal, work);
}

/**
 * The same for connections that `choose` reads from the database, which this process opens even if a running service does the work. Does
 * not call `work` if there are none. Returns them.
 */
export async function withVaultServiceFor(
  { environment }: CommandContext,
  options: ServiceOptions,
  signal: AbortSignal,
  choose: (connections: ConnectionRepository) => Promise<ConnectionResponse[]>,
  work: (service: VaultService, chosen: readonly ConnectionResponse[]) => Promise<void>,
): Promise<ConnectionResponse[]> {
  const config = loadCommandConfig(environment);
  const chooseFrom = (app: INestApplicationContext) => choose(app.get(ConnectionRepository));
  if (isRemote(config, options)) {
    const chosen = await withApplicationContext(config, chooseFrom);
    if (chosen.length > 0) await withRemoteService(config, options, signal, (service) => work(service, chosen));
    return chosen;
  }
  return withLocalVaultService(config, signal, async (service, app) => {
    const chosen = await chooseFrom(app);
    if (chosen.length > 0) await work(service, chosen);
    return chosen;
  });
}

function isRemote(config: Config, { url, keyFile }: ServiceOptions): boolean {
  return url !== undefined || keyFile !== undefined || !hasMetaApp(config);
}

function withRemoteService<T>(
  { publicUrl, bootstrapAdminKey }: Config,
  options: ServiceOptions,
  signal: AbortSignal,
  work: (service: VaultService) => Promise<T>,
): Promise<T> {
  if (bootstrapAdminKey === null && options.keyFile === undefined) {
    throw new StartupError('Give an admin key: --key-file, or BOOTSTRAP_ADMIN_KEY.', undefined);
  }
  return withRemoteVaultService({ publicUrl, bootstrapAdminKey, ...options }, signal, work);
}
