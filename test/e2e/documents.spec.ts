import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  api,
  type ConnectTestContext,
  completeConnect,
  createServiceClient,
  openConnectTestContext,
} from '../support/connect-test-context.ts';
import {
  type DocumentRun,
  type DocumentStep,
  HAS_SHELL_TOOLS,
  patternOf,
  runSteps,
  stepsOf,
  withoutSpaces,
} from '../support/document-steps.ts';
import { type Listener, listen } from '../support/http-listener.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const SKIPPED = HAS_SHELL_TOOLS ? '' : ' [skipped: no sh, curl and sed on this machine]';

interface RunnablePage {
  page: string;
  steps: readonly DocumentStep[];
  /** Sets up what the page assumes, and returns the variables of its commands, besides addresses and admin key. */
  prepare(context: ConnectTestContext): Promise<Record<string, string>>;
}

const PAGES: readonly RunnablePage[] = [
  { page: 'docs/products.md', steps: stepsOf(read('docs/products.md')), prepare: async () => ({}) },
  { page: 'docs/apps.md', steps: stepsOf(read('docs/apps.md')), prepare: async () => ({}) },
  {
    page: 'README.md',
    steps: stepsOf(read('README.md')).filter(({ title }) => title === 'The main job'),
    prepare: async (context) => {
      await completeConnect(context, { tenant: 'acme', product: 'pages', flow: 'facebook_login' });
      const { key } = await createServiceClient(context);
      const lease = await api(context, key).post('/v1/leases', { tenant: 'acme', product: 'pages' });
      return { SERVICE_KEY: key, LEASE: lease.body.access_token };
    },
  },
];

(HAS_SHELL_TOOLS ? describe : describe.skip).each(PAGES)(`$page${SKIPPED}`, ({ steps, prepare }) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'metavault-doc-'));
  let context: ConnectTestContext;
  let front: Listener;
  let run: DocumentRun = { printed: [], errors: '' };

  beforeAll(async () => {
    let replica: Server | null = null;
    front = await listen((request, response) => replica?.emit('request', request, response));
    const url = `http://localhost:${front.port}`;
    context = await openConnectTestContext({ environment: { PUBLIC_URL: url } });
    replica = context.replica.app.getHttpServer();
    run = await runSteps(steps, {
      cwd: folder,
      env: {
        METAVAULT: url,
        SANDBOX: context.sandbox.url,
        ADMIN_KEY: TEST_ADMIN_KEY,
        ...(await prepare(context)),
      },
    });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await front?.close();
    await context?.close();
  });

  it('runs from its first command to its last', () => {
    expect(run.errors).toBe('');
    expect(run.printed).toHaveLength(steps.length + 1);
  });

  it.each(steps.flatMap(({ title, shown }, index) => (shown === null ? [] : [[index, title, shown] as const])))(
    'shows the response of step %i (%s)',
    (index, _, shown) => {
      expect(withoutSpaces(run.printed[index] ?? '')).toMatch(patternOf(shown));
    },
  );
});

describe('docs/products.md', () => {
  it('has a chapter for every product', () => {
    const chapters = [
      'WhatsApp',
      'Instagram through Facebook Login',
      'Instagram Login',
      'Ads',
      'Facebook Pages',
      'Threads',
    ];
    expect(PAGES[0]?.steps.map((step) => step.title)).toEqual(expect.arrayContaining(chapters));
  });
});
