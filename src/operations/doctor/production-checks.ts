import { countClientsLosingKey } from '../../auth/client-key.repository.ts';
import type { Config } from '../../config/config.ts';
import type { Database } from '../../database/database.ts';
import type { EventType } from '../../events/outbox/event-type.ts';
import { listReceivedEventTypes } from '../../events/subscriptions/received-event-types.query.ts';
import { addSeconds, type Clock } from '../../platform/clock.ts';
import { DAY_SECONDS } from '../../platform/duration.ts';
import { KekRepository } from '../../vault/keys/kek.repository.ts';
import { checkDatabaseSafety, checkReadStandby } from './database-checks.ts';
import { attention, type Finding, fine } from './finding.ts';

/** Without these a product learns of a lost connection only from a refused lease. */
const REQUIRED_EVENTS: readonly EventType[] = ['connection.reauth_required', 'connection.expiring'];
const MAX_KEY_AGE_SECONDS = 365 * DAY_SECONDS;
const KEY_NOTICE_SECONDS = 14 * DAY_SECONDS;
const MAX_LISTED_KEYS = 1_000;

interface Examined {
  config: Pick<Config, 'console' | 'environment' | 'returnUrlOrigins' | 'databaseUrl' | 'database'>;
  database: Database;
  clock: Clock;
}

/** Checks what docs/production.md requires and neither startup nor Meta reports. */
export async function checkProduction({ config, database, clock }: Examined): Promise<Finding[]> {
  return [
    ...(await checkDatabaseSafety({ config, database })),
    await checkReadStandby(database.reads),
    await checkKeyAge(database, clock),
    checkReturnUrls(config),
    checkConsoleSignIn(config),
    await checkClientKeys(database, clock.now()),
    await checkEventReceiver(database),
  ];
}

async function checkKeyAge(database: Database, clock: Clock): Promise<Finding> {
  const keks = await new KekRepository(database, clock).list(MAX_LISTED_KEYS, null);
  const active = keks.find(({ state }) => state === 'active');
  if (active === undefined) {
    return attention('key_age', 'No key is active yet.', 'Start a replica, which makes the first.');
  }
  const days = Math.floor((clock.now().getTime() - active.created_at.getTime()) / 1000 / DAY_SECONDS);
  const left = keks.filter(({ state, data_keys }) => state === 'decrypt_only' && data_keys > 0);
  if (days * DAY_SECONDS > MAX_KEY_AGE_SECONDS) {
    const remedy = 'Run metavault keys rotate, then rewrap and retire (docs/runbook.md, "Rotate the KEK").';
    return attention('key_age', `${active.id} has been active for ${days} days.`, remedy);
  }
  if (left.length > 0) {
    const detail = `${left.length} replaced keys still wrap data keys.`;
    return attention('key_age', detail, 'Run metavault keys rewrap, then metavault keys retire for each.');
  }
  return fine('key_age', `${active.id} has been active for ${days} days`);
}

function checkReturnUrls({ returnUrlOrigins }: Pick<Config, 'returnUrlOrigins'>): Finding {
  if (returnUrlOrigins.length > 0) return fine('return_urls', `browsers return to ${returnUrlOrigins.join(', ')}`);
  const detail = 'RETURN_URL_ORIGINS is empty: connect sessions with a return_url are refused.';
  return attention('return_urls', detail, 'Set it to the origins of your products, separated by commas.');
}

function checkConsoleSignIn({ console: { keySignIn, oidc }, environment }: Examined['config']): Finding {
  if (oidc !== null && !keySignIn) return fine('console_sign_in', `people sign in to the console with ${oidc.name}`);
  if (!keySignIn) return fine('console_sign_in', 'people sign in to the console by links of an operator only');
  if (environment !== 'production')
    return fine('console_sign_in', 'API keys can sign in to the console, which is fine outside production');
  const detail =
    'CONSOLE_KEY_SIGN_IN lets API keys sign in to the console. People share keys, so nobody can tell who acted.';
  const mend = 'Set CONSOLE_OIDC_ISSUER, and CONSOLE_KEY_SIGN_IN to false (docs/console.md).';
  return attention('console_sign_in', detail, mend);
}

async function checkClientKeys(database: Database, now: Date): Promise<Finding> {
  const count = await countClientsLosingKey(database, now, addSeconds(now, KEY_NOTICE_SECONDS));
  if (count === 0) return fine('client_keys', 'no client loses its last key within 14 days');
  const detail = `The last key of ${count} clients expires within 14 days.`;
  return attention(
    'client_keys',
    detail,
    'Run metavault clients rotate-key for each; metavault clients list names them.',
  );
}

async function checkEventReceiver(database: Database): Promise<Finding> {
  const received = await listReceivedEventTypes(database);
  const missing = REQUIRED_EVENTS.filter((type) => !received.includes(type));
  if (missing.length === 0) return fine('event_receiver', `${REQUIRED_EVENTS.join(' and ')} are received`);
  const detail = `Nobody receives ${missing.join(' and ')}: products are not told that a user must log in again.`;
  return attention(
    'event_receiver',
    detail,
    'Create a subscription with POST /v1/subscriptions (docs/receiving-events.md).',
  );
}
