import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import type { Command } from 'commander';
import { ConnectionRepository } from '../../connections/connection/connection.repository.ts';
import { connectionNotFound } from '../../connections/connection/connection-problems.ts';
import { DescribeConnectionRequest } from '../../connections/description/describe-connection.dto.ts';
import { DescriptionService } from '../../connections/description/description.service.ts';
import { toInputErrors } from '../../platform/http-server/input-validation.pipe.ts';
import { AppError } from '../../platform/problem.ts';
import { type CommandContext, loadCommandConfig, printResult, withApplicationContext } from '../command-context.ts';
import { UsageError } from '../command-error.ts';
import { addExamples } from '../command-examples.ts';
import { OPERATOR } from '../operator.ts';
import { formatConnectionDetails } from './connection-tables.ts';

interface UpdateOptions {
  /** False with `--no-reference`. */
  reference?: string | false;
  /** `key=value` each. */
  metadata?: string[];
  removeMetadata?: string[];
}

/** `metavault connections update`: what `PATCH /v1/connections/{id}` does. */
export function addUpdateCommand(connections: Command, context: CommandContext): void {
  addExamples(
    connections
      .command('update <id>')
      .description('change the reference and metadata of a connection; what is not named stays')
      .option('--reference <reference>', "the product's own id for it")
      .option('--no-reference', 'remove it')
      .option('--metadata <pairs...>', 'set these, as key=value')
      .option('--remove-metadata <keys...>', 'remove these')
      .action((id: string, options: UpdateOptions) => update(id, options, context)),
    [
      'metavault connections update con_01K0000000000000000000000A --reference shop-4711 --metadata plan=pro',
      'say which shop a connection belongs to',
    ],
    [
      'metavault connections update con_01K0000000000000000000000A --no-reference --remove-metadata plan',
      'remove what was said',
    ],
  );
}

async function update(given: string, options: UpdateOptions, context: CommandContext): Promise<void> {
  const patch = await readPatch(options);
  await withApplicationContext(context, loadCommandConfig(context.environment), async (app) => {
    const connections = app.get(ConnectionRepository);
    const found = await connections.findAcrossTenants(given);
    if (found === null) throw new AppError(connectionNotFound);
    await app.get(DescriptionService).patch(found.id, patch, { actor: OPERATOR, requestId: null });
    const updated = (await connections.findAcrossTenants(found.id)) ?? found;
    printResult(context, updated, () => formatConnectionDetails(updated));
  });
}

/** Applies the rules of the API's body. Throws `UsageError`. */
async function readPatch({
  reference,
  metadata = [],
  removeMetadata = [],
}: UpdateOptions): Promise<DescribeConnectionRequest> {
  const pairs = [...removeMetadata.map((key) => [key, null] as const), ...metadata.map(toPair)];
  const patch = plainToInstance(DescribeConnectionRequest, {
    ...(reference === undefined ? {} : { reference: reference === false ? null : reference }),
    ...(pairs.length === 0 ? {} : { metadata: Object.fromEntries(pairs) }),
  });
  if (Object.keys(patch).length === 0) {
    throw new UsageError('Nothing to change.', 'Give --reference, --no-reference, --metadata, or --remove-metadata.');
  }
  const [fault] = toInputErrors(await validate(patch, { stopAtFirstError: true }));
  if (fault !== undefined) throw new UsageError(`--${fault.path} ${fault.message}.`);
  return patch;
}

function toPair(text: string): readonly [string, string] {
  const end = text.indexOf('=');
  if (end < 1) throw new UsageError(`--metadata is no key=value: ${text}`);
  return [text.slice(0, end), text.slice(end + 1)];
}
