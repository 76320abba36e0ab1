import type { Command } from 'commander';
import { connectDatabase } from '../bootstrap/connect-database.ts';
import { type CoreServices, openCoreServicesOn } from '../bootstrap/core-services.ts';
import { describeStartupError } from '../bootstrap/startup-error.ts';
import type { Config } from '../config/config.ts';
import { inspectSchema } from '../database/migrate.ts';
import { checkEventSubscriptions } from '../operations/doctor/event-checks.ts';
import { type Finding, fine } from '../operations/doctor/finding.ts';
import { checkClock, checkConfiguration, checkKeyRing, checkSchema } from '../operations/doctor/installation-checks.ts';
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
  try {
    const config = loadCommandConfig(context.environment);
    findings.push(...checkConfiguration(config));
    await withDatabase(context, config, (databaseUrl) => checkDatabase(config, databaseUrl, findings));
  } catch (error) {
    // The detail names the remedy.
    const detail = describeStartupError(error);
    findings.push({ check: toFailedCheck(findings, error), state: 'wrong', detail, mend: null });
  }
  return findings;
}

/** Adds what it finds to `findings`, even if it then throws. */
async function checkDatabase(config: Config, databaseUrl: string, findings: Finding[]): Promise<void> {
  const connection = await connectDatabase(databaseUrl, config.database);
  const { dataSource } = connection;
  try {
    const [server] = (await dataSource.query('SHOW server_version')) as { server_version: string }[];
    findings.push(fine('database', `Postgres ${server?.server_version ?? '?'} answers`));
    const schema = checkSchema(await inspectSchema(dataSource));
    findings.push(schema);
    if (schema.state === 'wrong') return;
    const coreServices = await openCoreServicesOn(connection, { config });
    const { databaseClock, keyRing } = coreServices;
    findings.push(checkKeyRing(keyRing));
    findings.push(checkClock(databaseClock.localSkewMs()));
    findings.push(...(await checkRollbacks(coreServices)));
    findings.push(await checkEventSubscriptions(coreServices));
    findings.push(...(await checkGoingLive(config, coreServices)));
  } finally {
    await dataSource.destroy();
  }
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
