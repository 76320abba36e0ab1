import { createReplica, type Replica, type ReplicaOptions } from '../../src/bootstrap/replica.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createLogger, type Pino } from '../../src/platform/logger.ts';
import { checkAnswers } from './answers/check-answers.ts';
import { freshDatabase, PATIENCE } from './fresh-database.ts';
import { openResources } from './open-resources.ts';
import { TEST_WHATSAPP_CONFIG_ID } from './test-config.ts';
import { TEST_ROOT_KEY } from './test-vault.ts';

export const TEST_ADMIN_KEY = 'test-bootstrap-admin-key-0123456789abcdef';

/**
 * A complete environment for tests. Nothing listens at Meta's addresses unless a sandbox's `environment()` is added.
 */
export const TEST_ENVIRONMENT: Readonly<Record<string, string>> = {
  NODE_ENV: 'test',
  PORT: '0',
  PUBLIC_URL: 'http://localhost:3000',
  META_APP_ID: '1234567890',
  META_APP_SECRET: 'test-app-secret-of-nobody-in-particular',
  INSTAGRAM_APP_ID: '2234567890',
  INSTAGRAM_APP_SECRET: 'test-instagram-app-secret-of-nobody',
  THREADS_APP_ID: '3234567890',
  THREADS_APP_SECRET: 'test-threads-app-secret-of-nobody',
  META_LOGIN_CONFIG_ID_WHATSAPP: TEST_WHATSAPP_CONFIG_ID,
  ROOT_KEY: TEST_ROOT_KEY,
  BOOTSTRAP_ADMIN_KEY: TEST_ADMIN_KEY,
  REFRESH_CRON: 'off',
  HEALTH_CRON: 'off',
  LOG_LEVEL: 'fatal',
  // A listening replica opens all of them before it is ready.
  DATABASE_LEASE_POOL_SIZE: '2',
};

export interface TestReplica extends Replica {
  databaseUrl: string;
  /** Closes the replica, and drops its database if that was created for it. */
  close(): Promise<void>;
}

/** A logger that keeps its lines, for tests that check them. */
export function captureLog(level = 'info'): { logger: Pino; lines: Record<string, unknown>[]; text: () => string } {
  const written: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(level, {
    write: (line: string) => {
      written.push(line);
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  });
  return { logger, lines, text: () => written.join('') };
}

/** A replica on a fresh database, or on `databaseUrl`, alongside another. It does not listen: supertest does that. */
export function startTestReplica(
  options: { environment?: Record<string, string>; databaseUrl?: string; overrides?: ReplicaOptions['overrides'] } = {},
): Promise<TestReplica> {
  return openResources(async (closeLater) => {
    const config = loadConfig({ ...TEST_ENVIRONMENT, ...options.environment });
    let { databaseUrl } = options;
    if (databaseUrl === undefined) {
      const fresh = await freshDatabase();
      closeLater({ close: fresh.drop });
      databaseUrl = fresh.url;
    }
    const replica = closeLater(
      await createReplica({
        config,
        databaseUrl,
        overrides: { databasePatience: PATIENCE, ...options.overrides },
      }),
    );
    checkAnswers(replica.app.getHttpServer());
    return { ...replica, databaseUrl };
  });
}
