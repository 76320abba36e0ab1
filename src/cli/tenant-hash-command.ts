import type { Command } from 'commander';
import { TENANT_PATTERN } from '../config/tenant.ts';
import { KeyRing } from '../vault/keys/key-ring.ts';
import { hashTenant } from '../vault/logged-tenants.ts';
import { type CommandContext, loadCommandConfig, printResult, withApplicationContext } from './command-context.ts';
import { UsageError } from './command-error.ts';
import { addExamples } from './command-examples.ts';

/** `metavault tenant-hash`: for finding a tenant's lines in the log. */
export function addTenantHashCommand(program: Command, context: CommandContext): void {
  addExamples(
    program
      .command('tenant-hash')
      .description('print the tenant_hash by which log lines name a tenant (LOG_TENANTS=hash)')
      .argument('<tenant>', 'your id of the customer')
      .action((tenant: string) => run(tenant, context)),
    ['metavault tenant-hash acme', "search the log for a tenant's requests"],
  );
}

async function run(tenant: string, context: CommandContext): Promise<void> {
  if (!TENANT_PATTERN.test(tenant))
    throw new UsageError('This is no tenant.', 'Give 1 to 128 of A-Z, a-z, 0-9, ".", "_", ":", "-".');
  const hash = await withApplicationContext(context, loadCommandConfig(context.environment), async (app) =>
    hashTenant(app.get(KeyRing), tenant),
  );
  printResult(context, { tenant, tenant_hash: hash }, () => hash);
}
