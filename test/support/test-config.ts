import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { TEST_ROOT_KEY } from './test-vault.ts';

/** Embedded Signup requires one. */
export const TEST_WHATSAPP_CONFIG_ID = '777000777000';

/** A valid configuration for tests; `environment` adds to it or overrides it. Points to no Meta by default. */
export function testConfig(environment: Record<string, string> = {}): Config {
  return loadConfig({
    NODE_ENV: 'development',
    PORT: '3000',
    ROOT_KEY: TEST_ROOT_KEY,
    META_APP_ID: '1000000000000001',
    META_APP_SECRET: '0123456789abcdef0123456789abcdef',
    META_LOGIN_CONFIG_ID_WHATSAPP: TEST_WHATSAPP_CONFIG_ID,
    BOOTSTRAP_ADMIN_KEY: 'test-bootstrap-admin-key-0123456789',
    LOG_LEVEL: 'fatal',
    ...environment,
  });
}
