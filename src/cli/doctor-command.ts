import type { Command } from 'commander';
import { connectDatabase } from '../bootstrap/connect-database.ts';
import { type CoreServices, openCoreServicesOn } from '../bootstrap/core-services.ts';
import { describeStartupError, toSchemaError } from '../bootstrap/startup-error.ts';
import type { Config } from '../config/config.ts';
import { inspectSchema } from '../database/migrate.ts';
import type { SchemaState } from '../database/schema-state.ts';
import { checkEventSubscriptions } from '../operations/doctor/event-checks.ts';
import { attention, type Finding, fine, wrong } from '../operations/doctor/finding.ts';
import { checkProduction } from '../operations/doctor/production-checks.ts';
import { checkRollbacks } from '../operations/doctor/rollback-checks.ts';
import { runMetaChecks } from '../operations/doctor/run-meta-checks.ts';
import { UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { WrongRootKeyError } from '../vault/keys/key-ring.ts';
import { RootKeyUnavailableError } from '../vault/root-keys/root-key.ts';
import {
  type CommandContext,
  formatTable,
  hasMetaApp,
  loadCommandConfig,
  printResult,
  withDatabase,
} from './command-context.ts';
import { IncompleteError } from './command-error.ts';
import { addExamples } from './command-examples.ts';

const MAX_SKEW_SECONDS = 30;

/** `metavault doctor`: checks whether a replica with this environment would start and work. Exit code 1 if not. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  const doctor = program
    .command('doctor')
    .description('check whether a replica with this environment would start and work')
    .action(async () => {
      const findings = await runDoctor(context);
      printResult(context, { findings }, () => formatTable(findings.map(toRow)));
      const wrong = findings.filter(({ state }) => state === 'wrong').length;
      if (wrong === 0) return;
      throw new IncompleteError(`${wrong} of ${findings.length} checks failed.`, 'Follow the remedy of each.');
    });
  addExamples(
    doctor,
    ['metavault doctor', 'check the settings, the database, the keys, and the app at Meta'],
    ['metavault doctor --json | jq \'.findings[] | select(.state != "ok")\'', 'show only what needs attention'],
  );
}

const STATE_LABELS: Readonly<Record<Finding['state'], string>> = { ok: 'ok   ', attention: 'LOOK ', wrong: 'WRONG' };

function toRow({ check, state, detail, mend }: Finding): readonly string[] {
  return [STATE_LABELS[state], check.replaceAll('_', ' '), mend === null ? detail : `${detail} → ${mend}`];
}

/** Stops at the first failure that makes later checks pointless. Does not change the schema. */
async function runDoctor(context: CommandContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const addFinding: AddFinding = (check, isOk, detail, mend) => {
    findings.push({ check, state: isOk ? 'ok' : 'wrong', detail, mend: isOk ? null : (mend ?? null) });
  };
  try {
    const config = loadCommandConfig(context.environment);
    addFinding(
      'configuration',
      true,
      `${config.environment}, ${config.publicUrl}, Graph API ${config.meta.graphApiVersion}`,
    );
    for (const warning of config.warnings)
      findings.push(attention('configuration', warning, 'Correct it before you go live.'));
    await withDatabase(context, config, async (databaseUrl) => {
      findings.push(...(await checkDatabase(config, databaseUrl, addFinding)));
    });
  } catch (error) {
    addFinding(toFailedCheck(findings, error), false, describeStartupError(error));
  }
  return findings;
}

/** Without `mend`, `detail` names the remedy. */
type AddFinding = (check: Finding['check'], isOk: boolean, detail: string, mend?: string) => void;

/** Adds findings on the database through `addFinding`; returns those of the checks that need it open. */
async function checkDatabase(config: Config, databaseUrl: string, addFinding: AddFinding): Promise<Finding[]> {
  const connection = await connectDatabase(databaseUrl, config.database);
  const { dataSource } = connection;
  try {
    const [server] = (await dataSource.query('SHOW server_version')) as { server_version: string }[];
    addFinding('database', true, `Postgres ${server?.server_version ?? '?'} answers`);
    const schema = checkSchema(await inspectSchema(dataSource));
    if (schema.state === 'wrong') return [schema];
    const coreServices = await openCoreServicesOn(connection, { config });
    const { databaseClock, keyRing } = coreServices;
    addFinding('key_ring', true, `opens; the active key is ${keyRing.activeKek().id}`);
    const skewSeconds = databaseClock.localSkewMs() / 1000;
    const skew = `${skewSeconds.toFixed(1)} s ahead of the database's`;
    addFinding(
      'clock',
      Math.abs(skewSeconds) <= MAX_SKEW_SECONDS,
      skew,
      'Run NTP on this machine and on the database server.',
    );
    const rollbacks = await checkRollbacks(coreServices);
    return [
      schema,
      ...rollbacks,
      await checkEventSubscriptions(coreServices),
      ...(await checkGoingLive(config, coreServices)),
    ];
  } finally {
    await dataSource.destroy();
  }
}

function checkSchema({ missing, newer, unmet }: SchemaState): Finding {
  if (unmet.length > 0) {
    const { detail, remedy } = toSchemaError('schema_too_new', unmet);
    return wrong('migrations', detail, remedy);
  }
  if (missing.length > 0) {
    const remedy = 'Start a replica or run metavault migrate, either of which runs them.';
    return wrong('migrations', `some are pending: ${missing.join(', ')}`, remedy);
  }
  if (newer.length === 0) return fine('migrations', 'all have run');
  const detail = `all have run, and those of a newer release, too: ${newer.join(', ')}`;
  return attention('migrations', detail, 'Replace the replicas of this release soon.');
}

/** Skipped without a configured app: the built-in sandbox needs no check. */
async function checkGoingLive(config: Config, coreServices: CoreServices): Promise<Finding[]> {
  if (!hasMetaApp(config)) return [];
  const http = new UndiciHttpClient();
  try {
    const production = await checkProduction({ config, ...coreServices });
    return [...production, ...(await runMetaChecks({ config, http, ...coreServices }))];
  } finally {
    await http.close();
  }
}

/** The check that an error belongs to: the first that has not passed, or the key ring for its own errors. */
function toFailedCheck(findings: readonly Finding[], error: unknown): Finding['check'] {
  if (findings.length === 0) return 'configuration';
  const isOfKeyRing = error instanceof WrongRootKeyError || error instanceof RootKeyUnavailableError;
  return isOfKeyRing ? 'key_ring' : 'database';
}
