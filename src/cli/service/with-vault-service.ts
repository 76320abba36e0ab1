import { StartupError } from '../../bootstrap/startup-error.ts';
import { type CommandContext, hasMetaApp, loadCommandConfig } from '../command-context.ts';
import { withLocalReplica } from './local-replica.ts';
import { withRemoteVaultService } from './remote-vault-service.ts';
import type { VaultService } from './vault-service.ts';

export interface ServiceOptions {
  url?: string;
  keyFile?: string;
}

/**
 * By itself a command does the work in this process, on the same database as the replicas: that needs no key of the API and no replica
 * that runs. With `--url` or `--key-file` a running service does it; and where only the built-in sandbox is there, the replica that has
 * it inside.
 */
export function withVaultService<T>(
  { environment }: CommandContext,
  options: ServiceOptions,
  signal: AbortSignal,
  work: (service: VaultService) => Promise<T>,
): Promise<T> {
  const config = loadCommandConfig(environment);
  const isRemote = options.url !== undefined || options.keyFile !== undefined || !hasMetaApp(config);
  if (!isRemote) return withLocalReplica(config, signal, ({ service }) => work(service));
  const { publicUrl, bootstrapAdminKey } = config;
  if (bootstrapAdminKey === null && options.keyFile === undefined) {
    throw new StartupError('Give an admin key: --key-file, or BOOTSTRAP_ADMIN_KEY.', undefined);
  }
  return withRemoteVaultService({ publicUrl, bootstrapAdminKey, ...options }, signal, work);
}
