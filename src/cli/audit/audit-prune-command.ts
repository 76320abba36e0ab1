import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { AuditPruner, PruneRefusedError } from '../../audit/chain/audit-pruner.ts';
import type { PrunedEntry } from '../../audit/chain/audit-pruning.repository.ts';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { type CommandContext, printResult } from '../command-context.ts';
import { UsageError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import { OPERATOR } from '../operator.ts';
import { toInstantOption } from './instant-option.ts';

interface PruneOptions {
  before: string;
  export: string;
}

/** `metavault audit prune`: moves the oldest entries to a file. What remains can still be verified. */
export function addPruneCommand(
  audit: Command,
  run: (work: (app: INestApplicationContext) => Promise<void>) => Promise<void>,
  context: CommandContext,
): void {
  const command = audit
    .command('prune')
    .description('move the oldest entries from the database to a file; the rest can still be verified')
    .requiredOption('--before <instant>', 'entries from before this RFC 3339 instant; the last day always stays')
    .requiredOption('--export <file>', 'new file for them, as JSON lines, oldest first')
    .action((options: PruneOptions) => {
      const before = toInstantOption('--before', options.before);
      return run((app) => prune(app.get(AuditPruner), before, options.export, context));
    });
  addExamples(command, [
    'DATABASE_URL="$OWNER_URL" metavault audit prune --before 2025-01-01T00:00:00Z --export audit-2024.jsonl',
    'archive the entries of 2024 and earlier',
  ]);
}

async function prune(pruner: AuditPruner, before: Date, file: string, context: CommandContext): Promise<void> {
  const descriptor = openNew(file);
  try {
    const count = await pruner.prune(OPERATOR, before, (entries) => {
      // Not writeSync: it may write less, and the entries are deleted from the database next.
      writeFileSync(descriptor, entries.map(toLine).join(''));
      fsyncSync(descriptor);
    });
    printResult(
      context,
      { pruned: count, file },
      () => `Moved ${count} entries from the database to ${file}. Take a new anchor: metavault audit anchor.`,
    );
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
      `--export: ${file} can't be created (${code ?? 'unknown cause'}).`,
      "Name a file that doesn't exist yet.",
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
  if (error instanceof PruneRefusedError) {
    const remedy = 'Nothing was changed. Give an earlier --before, or run metavault audit verify.';
    return new StartupError({ code: 'prune_refused', detail: error.message, remedy, cause: error });
  }
  if ((error as { code?: unknown }).code !== '42501') return error;
  return new StartupError({
    code: 'database_permission_denied',
    detail: 'DATABASE_URL: this user may not delete from the audit record.',
    remedy: 'Use the owner of the tables (migrations/roles.sql).',
    cause: error,
  });
}
