import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { AuditPruner, PruneRefusedError } from '../../audit/chain/audit-pruner.ts';
import type { PrunedEntry } from '../../audit/chain/audit-pruning.repository.ts';
import { StartupError } from '../../bootstrap/startup-error.ts';
import type { CommandContext } from '../command-context.ts';
import { UsageError } from '../command-error.ts';
import { OPERATOR } from '../operator.ts';
import { toInstantOption } from './instant-option.ts';

interface PruneOptions {
  before: string;
  export: string;
}

/** `metavault audit prune`: moves the oldest entries to a file; the remaining record is verified from there on. */
export function addPruneCommand(
  audit: Command,
  run: (work: (app: INestApplicationContext) => Promise<void>) => Promise<void>,
  context: CommandContext,
): void {
  audit
    .command('prune')
    .description('move the oldest entries out of the database into a file; the rest stays provable')
    .requiredOption('--before <instant>', 'those made before this RFC 3339 instant; the last day always stays')
    .requiredOption('--export <file>', 'a new file, which gets them as JSON lines, the oldest first')
    .action((options: PruneOptions) => {
      const before = toInstantOption('--before', options.before);
      return run((app) => prune(app.get(AuditPruner), before, options.export, context));
    });
}

async function prune(pruner: AuditPruner, before: Date, file: string, { print }: CommandContext): Promise<void> {
  const descriptor = openNew(file);
  try {
    const count = await pruner.prune(OPERATOR, before, (entries) => {
      // All of it or an error: writeSync may write less, and what is missing would be deleted.
      writeFileSync(descriptor, entries.map(toLine).join(''));
      // They are deleted from the database right after.
      fsyncSync(descriptor);
    });
    print(`${count} entries are in ${file} and no longer in the database. Take a new anchor: metavault audit anchor.`);
  } catch (error) {
    throw toStartupError(error);
  } finally {
    closeSync(descriptor);
  }
}

function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `--export: ${file} cannot be made (${code ?? 'unknown cause'}). Name a file that is not there yet.`,
    );
  }
}

function toLine({ actor_kind, actor_id, mac, link, ...entry }: PrunedEntry): string {
  const line = {
    ...entry,
    actor: { kind: actor_kind, id: actor_id },
    mac: mac?.toString('hex') ?? null,
    link: link.toString('hex'),
  };
  return `${JSON.stringify(line)}\n`;
}

function toStartupError(error: unknown): unknown {
  if (error instanceof PruneRefusedError) return new StartupError(`${error.message} Nothing was changed.`, error);
  if ((error as { code?: unknown }).code !== '42501') return error;
  return new StartupError(
    'DATABASE_URL: this user may not take anything out of the record. Use the one that owns the tables (migrations/roles.sql).',
    error,
  );
}
