import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { startTestReplica, type TestReplica } from '../../../support/test-replica.ts';

const DOCUMENT = 'docs/troubleshooting.md';
const ROOT = path.resolve(import.meta.dirname, '../../../..');
const text = readFileSync(path.join(ROOT, DOCUMENT), 'utf8');

/** Words with underscores that are not our codes: of Meta's API, our requests and responses, doctor's checks. */
const OTHER_WORDS = new Set([
  ...['account_update', 'business_management', 'override_callback_uri'],
  ...['subscribed_apps', 'webhook_configuration', 'webhook_handshake', 'webhook_subscriptions'],
  ...['error_code', 'redirect_uri', 'waba_id', 'business_id', 'feature_type', 'whatsapp_business_app_onboarding'],
  ...['status_reason', 'min_valid_seconds', 'app_id', 'tenant_admin', 'auth_time', 'attempt_expired'],
  'metavault_graph_api_version_days_left',
]);

let replica: TestReplica;
let codes: Set<string>;

beforeAll(async () => {
  replica = await startTestReplica();
  const list = await request(replica.app.getHttpServer()).get('/problems').set('Accept', 'application/json');
  codes = new Set((list.body.data as { code: string }[]).map(({ code }) => code));
});
afterAll(() => replica.close());

const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| symptom |'));

describe('the troubleshooting table', () => {
  it('names only codes that the service has', () => {
    const named = [...text.matchAll(/\*\*`([a-z0-9_]+)`\*\*/g)].map(([, code = '']) => code);
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((code) => !codes.has(code))).toEqual([]);
  });

  it('names nothing else that looks like a code, but for known words of Meta and of the API', () => {
    const words = [...text.matchAll(/`([a-z]+(?:_[a-z0-9]+)+)`/g)].map(([, word = '']) => word);
    expect([...new Set(words.filter((word) => !codes.has(word) && !OTHER_WORDS.has(word)))]).toEqual([]);
    expect([...OTHER_WORDS].filter((word) => !text.includes(word))).toEqual([]);
  });

  it('has a symptom, a cause and a remedy in each row', () => {
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      const cells = row.split(' | ').map((cell) => cell.replaceAll(/^\| ?| ?\|$/g, '').trim());
      expect([row, cells.length, cells.every((cell) => cell.length > 3)]).toEqual([row, 3, true]);
    }
  });

  it('is found from the README and the runbook, and its links lead somewhere', () => {
    for (const file of ['README.md', 'docs/runbook.md'])
      expect(readFileSync(path.join(ROOT, file), 'utf8')).toContain('troubleshooting.md)');
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)/g)) {
      expect(() => readFileSync(path.join(ROOT, 'docs', target))).not.toThrow();
    }
  });
});
