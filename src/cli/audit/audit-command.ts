import { readFileSync } from 'node:fs';
import type { INestApplicationContext } from '@nestjs/common';
import type { Command } from 'commander';
import { AnchorsService } from '../../audit/anchors.service.ts';
import { AuditEntryQuery } from '../../audit/audit-entry.query.ts';
import {
  type ChainVerificationResponse,
  toAnchorResponse,
  toChainVerificationResponse,
} from '../../audit/audit-response.dto.ts';
import { type ChainAnchor, parseAnchor } from '../../audit/chain/chain-anchor.ts';
import { ChainVerifier } from '../../audit/chain/chain-verifier.ts';
import { StartupError } from '../../bootstrap/startup-error.ts';
import { Clock } from '../../platform/clock.ts';
import { type CommandContext, loadCommandConfig, withApplicationContext } from '../command-context.ts';
import { IncompleteError } from '../command-error.ts';
import { readPages, toIdPage } from '../read-pages.ts';
import { addAdoptRowsCommand } from './audit-adopt-rows-command.ts';
import { addPruneCommand } from './audit-prune-command.ts';
import { toInstantOption } from './instant-option.ts';

interface ExportOptions {
  from?: string;
  to?: string;
  connection?: string;
  client?: string;
  action?: string;
}

const PAGE_SIZE = 1_000;

/** `metavault audit`: verifies the record, prints a head to be stored elsewhere, exports the record. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  const audit = program.command('audit').description('prove, anchor and export the audit record');
  const run = (work: (app: INestApplicationContext) => Promise<void>): Promise<void> =>
    withApplicationContext(loadCommandConfig(context.environment), work);
  audit
    .command('verify')
    .description('prove the whole record; exit code 1 where it does not hold')
    .option(
      '--anchor <anchor>',
      'also that it still goes through this head: a file of metavault audit anchor, or mva1.…',
    )
    .option('--json', 'as JSON')
    .action(({ anchor, json }: { anchor?: string; json?: true }) =>
      run((app) => verify(app, anchor === undefined ? null : readAnchor(anchor), json === true, context)),
    );
  audit
    .command('anchor')
    .description('print the head of the record, signed, to be kept where the database is not')
    .option('--json', 'as JSON, as always')
    .action(() => run((app) => printAnchor(app, context)));
  audit
    .command('export')
    .description('print the entries as JSON lines, the newest first')
    .option('--from <instant>', 'from this RFC 3339 instant on')
    .option('--to <instant>', 'before this RFC 3339 instant')
    .option('--connection <id>', 'of this connection')
    .option('--client <id>', 'what this client did, and what was done to it')
    .option('--action <action>', 'of this action, such as connection.revoked')
    .option('--json', 'JSON lines, as always')
    .action((options: ExportOptions) => run((app) => exportEntries(app, options, context)));
  addPruneCommand(audit, run, context);
  addAdoptRowsCommand(audit, context);
}

async function verify(
  app: INestApplicationContext,
  anchor: ChainAnchor | null,
  asJson: boolean,
  context: CommandContext,
) {
  const verification = await app.get(ChainVerifier).verify();
  const verdict = anchor === null ? undefined : await app.get(AnchorsService).check(anchor);
  const shown = toChainVerificationResponse(verification, verdict);
  if (asJson) context.print(JSON.stringify(shown));
  else for (const line of describeVerification(shown)) context.print(line);
  if (verification.valid && verdict === 'pruned')
    throw new IncompleteError('The anchor is older than what was pruned: verify with a newer one.');
  if (!shown.valid) throw new IncompleteError('Treat this as a break-in: docs/runbook.md, "What to watch".');
}

function describeVerification(shown: ChainVerificationResponse): string[] {
  const { entries, pruned_entries: pruned = 0, unlinked_entries: unlinked = 0, faults, anchor } = shown;
  const lines =
    faults.length === 0
      ? [`${entries} entries hold${pruned === 0 ? '' : `; the first ${pruned} were pruned, under a seal that holds`}.`]
      : ['The record does NOT hold:', ...faults.map(describeFault)];
  if (unlinked > 0) lines.push(`${unlinked} entries wait to be chained.`);
  if (anchor !== undefined)
    lines.push(anchor === 'holds' ? 'It goes through the anchor.' : `It does NOT match the anchor: ${anchor}.`);
  return lines;
}

function describeFault({ kind, from, to, entry_id: entryId, objects }: ChainVerificationResponse['faults'][number]) {
  if (objects !== undefined)
    return `  ${kind}: no entry speaks of ${objects.count} of the ${objects.kind}, the first is ${objects.first}`;
  const place = from === null ? '' : ` at position ${from}${to === null || to === from ? '' : ` to ${to}`}`;
  return `  ${kind}${place}${entryId === null ? '' : `, entry ${entryId}`}`;
}

async function printAnchor(app: INestApplicationContext, { print }: CommandContext): Promise<void> {
  print(JSON.stringify(toAnchorResponse(await app.get(AnchorsService).take(), app.get(Clock).now())));
}

/** From the file that holds it, or from its word. */
function readAnchor(file: string): ChainAnchor {
  const given = parseAnchor(file);
  if (given !== null) return given;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartupError(
      `--anchor: ${file} cannot be read as an anchor. Give the line that metavault audit anchor printed.`,
      error,
    );
  }
  const anchor = parseAnchor(text);
  if (anchor === null) {
    throw new StartupError(
      `--anchor: ${file} is no anchor. Give the line that metavault audit anchor printed.`,
      undefined,
    );
  }
  return anchor;
}

async function exportEntries(
  app: INestApplicationContext,
  options: ExportOptions,
  context: CommandContext,
): Promise<void> {
  const reader = app.get(AuditEntryQuery);
  const { connection, client, action } = options;
  const filter = {
    ...(connection === undefined ? {} : { connectionId: connection }),
    ...(client === undefined ? {} : { clientId: client }),
    ...(action === undefined ? {} : { action }),
    ...(options.from === undefined ? {} : { from: toInstantOption('--from', options.from) }),
    ...(options.to === undefined ? {} : { to: toInstantOption('--to', options.to) }),
    visibleTenants: null,
    visibleProducts: null,
    limit: PAGE_SIZE,
  };
  const readPage = async (before: string | null) => toIdPage(await reader.list({ ...filter, before }), PAGE_SIZE);
  for await (const page of readPages(readPage)) {
    for (const { actor_kind, actor_id, ...row } of page) {
      context.print(JSON.stringify({ ...row, actor: { kind: actor_kind, id: actor_id } }));
    }
    const isRead = (await context.waitUntilDrained?.()) ?? true;
    if (!isRead) return;
  }
}
