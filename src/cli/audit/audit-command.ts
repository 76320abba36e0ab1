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
import { KeyRing } from '../../vault/keys/key-ring.ts';
import { type CommandContext, loadCommandConfig, printResult, withApplicationContext } from '../command-context.ts';
import { IncompleteError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import { readPages, toIdPage } from '../read-pages.ts';
import { createProgress } from '../terminal/progress.ts';
import { readText } from '../terminal/read-text.ts';
import { addAdoptRowsCommand } from './audit-adopt-rows-command.ts';
import { addPruneCommand } from './audit-prune-command.ts';
import { toInstantOption } from './instant-option.ts';
import { VerificationPlace } from './verification-place.ts';

interface ExportOptions {
  from?: string;
  to?: string;
  connection?: string;
  client?: string;
  action?: string;
}

const PAGE_SIZE = 1_000;

/** `metavault audit`: verifies, anchors, exports and prunes the audit record. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  const audit = program.command('audit').description('verify, anchor, export and prune the audit record');
  const run = (work: (app: INestApplicationContext) => Promise<void>): Promise<void> =>
    withApplicationContext(context, loadCommandConfig(context.environment), work);
  addExamples(
    audit
      .command('verify')
      .description('verify the whole record; exit code 1 if it is not valid')
      .option('--anchor <file>', 'also verify that it still contains this anchor: a file of audit anchor, or mva1.…')
      .option('--resume <file>', 'save progress in this file, and continue from it after an interruption')
      .action(({ anchor, resume = null }: { anchor?: string; resume?: string | null }) =>
        run((app) => verify(app, { anchor: anchor === undefined ? null : readAnchor(anchor), resume }, context)),
      ),
    ['metavault audit verify', 'verify the record, with progress on a terminal'],
    ['metavault audit verify --resume verify.place', 'verify a long record, in parts if need be'],
    ['metavault audit verify --anchor anchor.json', 'verify as well that nothing was cut off since the anchor'],
  );
  addExamples(
    audit
      .command('anchor')
      .description('print the signed head of the record, as JSON; keep it where the database is not')
      .action(() => run((app) => printAnchor(app, context))),
    ['metavault audit anchor > anchor.json', 'take an anchor'],
  );
  addExportCommand(audit, run, context);
  addPruneCommand(audit, run, context);
  addAdoptRowsCommand(audit, context);
}

function addExportCommand(
  audit: Command,
  run: (work: (app: INestApplicationContext) => Promise<void>) => Promise<void>,
  context: CommandContext,
): void {
  addExamples(
    audit
      .command('export')
      .description('print entries as JSON lines, newest first; with --json as one document')
      .option('--from <instant>', 'made at or after this RFC 3339 instant')
      .option('--to <instant>', 'made before this RFC 3339 instant')
      .option('--connection <id>', 'about this connection')
      .option('--client <id>', 'by or about this client')
      .option('--action <action>', 'of this action, such as connection.revoked')
      .action((options: ExportOptions) => run((app) => exportEntries(app, options, context))),
    ['metavault audit export --from 2026-01-01T00:00:00Z > audit.jsonl', 'export the entries of 2026'],
    ['metavault audit export --action connection.revoked --json', 'list revocations as one JSON document'],
  );
}

async function verify(
  app: INestApplicationContext,
  { anchor, resume }: { anchor: ChainAnchor | null; resume: string | null },
  context: CommandContext,
) {
  const progress = createProgress(context.progressTerminal, 'Verifying');
  const place = resume === null ? null : new VerificationPlace(app.get(KeyRing), resume);
  const from = place?.read() ?? null;
  const verification = await app
    .get(ChainVerifier)
    .verifyFrom(from, ({ position, lastPosition, soundUpTo }) => {
      progress.show(position, lastPosition);
      place?.keep(soundUpTo);
    })
    .catch((error: unknown) => {
      throw place === null ? error : place.explain(error);
    })
    .finally(() => progress.end());
  place?.remove();
  const verdict = anchor === null ? undefined : await app.get(AnchorsService).check(anchor);
  const shown = toChainVerificationResponse(verification, verdict);
  printResult(context, shown, () => describeVerification(shown, from?.position ?? 0).join('\n'));
  if (verification.valid && verdict === 'pruned') {
    throw new IncompleteError('The anchor is older than the oldest entry kept.', 'Verify with a newer anchor.');
  }
  if (!shown.valid) {
    throw new IncompleteError('The record is not valid.', 'Treat it as a break-in: docs/runbook.md, "What to watch".');
  }
}

/** `skipped`: how many entries an earlier verification has checked. */
function describeVerification(shown: ChainVerificationResponse, skipped: number): string[] {
  const { entries, pruned_entries: pruned = 0, unlinked_entries: unlinked = 0, faults, anchor } = shown;
  const prunedNote = pruned === 0 ? '' : `; the first ${pruned} were pruned, under a valid seal`;
  const lines =
    faults.length === 0
      ? [`All ${entries} entries are valid${prunedNote}.`]
      : ['The record is NOT valid:', ...faults.map(describeFault)];
  if (skipped > 0) lines.push(`The first ${skipped} were verified before the interruption, and not again.`);
  if (unlinked > 0) lines.push(`${unlinked} entries are not chained yet.`);
  if (anchor !== undefined)
    lines.push(anchor === 'holds' ? 'It contains the anchor.' : `It does NOT match the anchor: ${anchor}.`);
  return lines;
}

function describeFault({ kind, from, to, entry_id: entryId, objects }: ChainVerificationResponse['faults'][number]) {
  if (objects !== undefined)
    return `  ${kind}: no entry names ${objects.count} of the ${objects.kind}; the first is ${objects.first}`;
  const place = from === null ? '' : ` at position ${from}${to === null || to === from ? '' : ` to ${to}`}`;
  return `  ${kind}${place}${entryId === null ? '' : `, entry ${entryId}`}`;
}

async function printAnchor(app: INestApplicationContext, { print }: CommandContext): Promise<void> {
  print(JSON.stringify(toAnchorResponse(await app.get(AnchorsService).take(), app.get(Clock).now())));
}

/** Reads an anchor: the text itself, or a file that holds it. */
function readAnchor(given: string): ChainAnchor {
  const anchor = parseAnchor(given) ?? parseAnchor(readText(given));
  if (anchor !== null) return anchor;
  throw new StartupError({
    code: 'invalid_anchor',
    detail: `--anchor: ${given} is not an anchor.`,
    remedy: 'Give the line that metavault audit anchor printed, or a file that holds it.',
  });
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
  const { isJson, print } = context;
  // Written page by page: the record may be larger than memory.
  if (isJson) print('{"data": [');
  let separator = '';
  for await (const page of readPages(readPage)) {
    for (const { actor_kind, actor_id, ...row } of page) {
      print(`${separator}${JSON.stringify({ ...row, actor: { kind: actor_kind, id: actor_id } })}`);
      if (isJson) separator = ',';
    }
    const isRead = (await context.waitUntilDrained?.()) ?? true;
    if (!isRead) return;
  }
  if (isJson) print(']}');
}
