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
    .option('--url <url>', 'let this running service do it, instead of this process')
    .option('--key-file <file>', 'file with an admin key of that service (default: BOOTSTRAP_ADMIN_KEY)');
}

/**
 * Runs `work` in this process, on the database of the replicas, which requires neither an API key nor a running
 * replica. With `--url` or `--key-file` a running service does it; without a Meta app, the replica that runs the
 * built-in sandbox.
 */
export async function withVaultService<T>(
  context: CommandContext,
  options: ServiceOptions,
  signal: AbortSignal,
  work: (service: VaultService) => Promise<T>,
): Promise<T> {
  const config = loadCommandConfig(context.environment);
  return isRemote(config, options)
    ? withRemoteService(config, options, signal, work)
    : withLocalVaultService(context, config, signal, work);
}

/**
 * Like `withVaultService`, for connections that `choose` reads from the database, which this process opens in any case.
 * Skips `work` if there are none. Returns them.
 */
export async function withVaultServiceFor(
  context: CommandContext,
  options: ServiceOptions,
  signal: AbortSignal,
  choose: (connections: ConnectionRepository) => Promise<ConnectionResponse[]>,
  work: (service: VaultService, chosen: readonly ConnectionResponse[]) => Promise<void>,
): Promise<ConnectionResponse[]> {
  const config = loadCommandConfig(context.environment);
  const chooseFrom = (app: INestApplicationContext) => choose(app.get(ConnectionRepository));
  if (isRemote(config, options)) {
    const chosen = await withApplicationContext(context, config, chooseFrom);
    if (chosen.length > 0) await withRemoteService(config, options, signal, (service) => work(service, chosen));
    return chosen;
  }
  return withLocalVaultService(context, config, signal, async (service, app) => {
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
    throw new StartupError({
      code: 'admin_key_missing',
      detail: 'The running service needs an admin key.',
      remedy: 'Give --key-file, or set BOOTSTRAP_ADMIN_KEY.',
    });
  }
  return withRemoteVaultService({ publicUrl, bootstrapAdminKey, ...options }, signal, work);
}
