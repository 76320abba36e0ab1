import type { Command } from 'commander';
import { type CoreServices, connectDatabase, openCoreServicesOn } from '../bootstrap/core-services.ts';
import { describeStartupError } from '../bootstrap/startup-error.ts';
import type { Config } from '../config/config.ts';
import { checkEventSubscriptions } from '../operations/doctor/event-checks.ts';
import { attention, type Finding } from '../operations/doctor/finding.ts';
import { checkRollbacks } from '../operations/doctor/rollback-checks.ts';
import { runMetaChecks } from '../operations/doctor/run-meta-checks.ts';
import { UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { WrongRootKeyError } from '../vault/keys/key-ring.ts';
import { RootKeyUnavailableError } from '../vault/root-keys/root-key.ts';
import {
  type CommandContext,
  formatTable,
  loadCommandConfig,
  PLACEHOLDER_APP_ID,
  withDatabase,
} from './command-context.ts';
import { IncompleteError } from './command-error.ts';

const MAX_SKEW_SECONDS = 30;

/** `metavault doctor`: whether a replica with this environment would start and work. Exit code 1 where it would not. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('look whether a replica with this environment would start and work; exit code 1 where it would not')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: true }) => {
      const findings = await runDoctor(context);
      context.print(json === true ? JSON.stringify({ findings }, null, 2) : formatTable(findings.map(toRow)));
      const wrong = findings.filter(({ state }) => state === 'wrong').length;
      if (wrong > 0) throw new IncompleteError(`${wrong} of ${findings.length} checks say that it would not.`);
    });
}

const STATE_LABELS: Readonly<Record<Finding['state'], string>> = { ok: 'ok   ', attention: 'LOOK ', wrong: 'WRONG' };

function toRow({ check, state, detail, mend }: Finding): readonly string[] {
  return [STATE_LABELS[state], check.replaceAll('_', ' '), mend === null ? detail : `${detail} → ${mend}`];
}

/** The findings up to the first failed check that makes the later ones pointless. Reads the schema without changing it. */
async function runDoctor({ environment }: CommandContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const addFinding: AddFinding = (check, isOk, detail, mend) => {
    findings.push({ check, state: isOk ? 'ok' : 'wrong', detail, mend: isOk ? null : (mend ?? null) });
  };
  try {
    const config = loadCommandConfig(environment);
    addFinding(
      'configuration',
      true,
      `${config.environment}, ${config.publicUrl}, Graph API ${config.meta.graphApiVersion}`,
    );
    for (const warning of config.warnings)
      findings.push(attention('configuration', warning, 'In production it stops the start.'));
    await withDatabase(config, async (databaseUrl) => {
      findings.push(...(await checkDatabase(config, databaseUrl, addFinding)));
    });
  } catch (error) {
    addFinding(toFailedCheck(findings, error), false, describeStartupError(error));
  }
  return findings;
}

/** `mend` absent: `detail` says it. */
type AddFinding = (check: Finding['check'], isOk: boolean, detail: string, mend?: string) => void;

/** The Meta checks need the open database; their findings are returned, the others are added through `addFinding`. */
async function checkDatabase(config: Config, databaseUrl: string, addFinding: AddFinding): Promise<Finding[]> {
  const dataSource = await connectDatabase(databaseUrl);
  try {
    const [server] = (await dataSource.query('SHOW server_version')) as { server_version: string }[];
    addFinding('database', true, `Postgres ${server?.server_version ?? '?'} answers`);
    const hasPendingMigrations = await dataSource.showMigrations();
    addFinding(
      'migrations',
      !hasPendingMigrations,
      hasPendingMigrations ? 'some have not run' : 'all have run',
      'Start a replica, which runs them.',
    );
    if (hasPendingMigrations) return [];
    const coreServices = await openCoreServicesOn(dataSource, { config });
    const { databaseClock, keyRing } = coreServices;
    addFinding('key_ring', true, `opens, the active key is ${keyRing.activeKek().id}`);
    const skewSeconds = databaseClock.localSkewMs() / 1000;
    const skew = `${skewSeconds.toFixed(1)} s ahead of the database's`;
    addFinding(
      'clock',
      Math.abs(skewSeconds) <= MAX_SKEW_SECONDS,
      skew,
      'Let this machine and the database keep their time by NTP.',
    );
    const rollbacks = await checkRollbacks(coreServices);
    return [...rollbacks, await checkEventSubscriptions(coreServices), ...(await checkMeta(config, coreServices))];
  } finally {
    await dataSource.destroy();
  }
}

/** Nothing where no app is configured: the built-in sandbox needs no doctor. */
async function checkMeta(config: Config, coreServices: CoreServices): Promise<Finding[]> {
  if (config.meta.app.id === PLACEHOLDER_APP_ID) return [];
  const http = new UndiciHttpClient();
  try {
    return await runMetaChecks({ config, http, ...coreServices });
  } finally {
    await http.close();
  }
}

/** Which check an error belongs to: the first one that has not passed yet, and the key ring for its own errors. */
function toFailedCheck(findings: readonly Finding[], error: unknown): Finding['check'] {
  if (findings.length === 0) return 'configuration';
  const isOfKeyRing = error instanceof WrongRootKeyError || error instanceof RootKeyUnavailableError;
  return isOfKeyRing ? 'key_ring' : 'database';
}
