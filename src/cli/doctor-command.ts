import type { Command } from 'commander';
import { connectDatabase, openStoresOn, type Stores } from '../bootstrap/core-services.ts';
import { explain } from '../bootstrap/startup-error.ts';
import type { Config } from '../config/config.ts';
import { checkEventSubscriptions } from '../operations/doctor/event-checks.ts';
import type { Finding } from '../operations/doctor/finding.ts';
import { examineMeta } from '../operations/doctor/run-meta-checks.ts';
import { UndiciHttpClient } from '../platform/http-client/http-client.ts';
import { type CommandContext, commandConfig, STAND_IN_APP_ID, table, withDatabase } from './command-context.ts';
import { Unfinished } from './command-error.ts';

const MAX_SKEW_SECONDS = 30;

/** `metavault doctor`: whether a replica with this environment would start and work. Exit code 1 where it would not. */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('look whether a replica with this environment would start and work; exit code 1 where it would not')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: true }) => {
      const findings = await examine(context);
      context.print(json === true ? JSON.stringify({ findings }, null, 2) : table(findings.map(toRow)));
      const wrong = findings.filter(({ state }) => state === 'wrong').length;
      if (wrong > 0) throw new Unfinished(`${wrong} of ${findings.length} checks say that it would not.`);
    });
}

const SHOWN: Readonly<Record<Finding['state'], string>> = { ok: 'ok   ', attention: 'LOOK ', wrong: 'WRONG' };

function toRow({ check, state, detail, mend }: Finding): readonly string[] {
  return [SHOWN[state], check.replaceAll('_', ' '), mend === null ? detail : `${detail} → ${mend}`];
}

/** What was found, up to the first check that makes the ones behind it pointless. The schema is looked at, not changed. */
export async function examine({ environment }: CommandContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const note: Note = (check, isOk, detail, mend) => {
    findings.push({ check, state: isOk ? 'ok' : 'wrong', detail, mend: isOk ? null : (mend ?? null) });
  };
  try {
    const config = commandConfig(environment);
    note('configuration', true, `${config.environment}, ${config.publicUrl}, Graph API ${config.meta.graphApiVersion}`);
    await withDatabase(config, async (databaseUrl) => {
      findings.push(...(await examineDatabase(config, databaseUrl, note)));
    });
  } catch (error) {
    note(blame(findings, error), false, explain(error));
  }
  return findings;
}

/** `mend` null: `detail` says it. */
type Note = (check: Finding['check'], isOk: boolean, detail: string, mend?: string) => void;

/** What is between us and Meta can be looked at only with the database open; it is given back, the rest is noted. */
async function examineDatabase(config: Config, databaseUrl: string, note: Note): Promise<Finding[]> {
  const dataSource = await connectDatabase(databaseUrl);
  try {
    const [server] = (await dataSource.query('SHOW server_version')) as { server_version: string }[];
    note('database', true, `Postgres ${server?.server_version ?? '?'} answers`);
    const isBehind = await dataSource.showMigrations();
    note('migrations', !isBehind, isBehind ? 'some have not run' : 'all have run', 'Start a replica, which runs them.');
    if (isBehind) return [];
    const stores = await openStoresOn(dataSource, { config });
    const { databaseClock, keyRing } = stores;
    note('key_ring', true, `opens, the active key is ${keyRing.activeKek().id}`);
    const skewSeconds = databaseClock.localSkewMs() / 1000;
    const skew = `${skewSeconds.toFixed(1)} s ahead of the database's`;
    note(
      'clock',
      Math.abs(skewSeconds) <= MAX_SKEW_SECONDS,
      skew,
      'Let this machine and the database keep their time by NTP.',
    );
    return [await checkEventSubscriptions(stores), ...(await examineOurMeta(config, stores))];
  } finally {
    await dataSource.destroy();
  }
}

/** Nothing where no app is configured: the built-in sandbox needs no doctor. */
async function examineOurMeta(config: Config, stores: Stores): Promise<Finding[]> {
  if (config.meta.app.id === STAND_IN_APP_ID) return [];
  const http = new UndiciHttpClient();
  try {
    return await examineMeta({ config, http, ...stores });
  } finally {
    await http.close();
  }
}

/** Which check an error belongs to: the first one that has not passed yet, and the key ring for its own errors. */
function blame(findings: readonly Finding[], error: unknown): Finding['check'] {
  if (findings.length === 0) return 'configuration';
  const { name } = error as Error;
  return name === 'WrongRootKey' || name === 'RootKeyUnavailable' ? 'key_ring' : 'database';
}
