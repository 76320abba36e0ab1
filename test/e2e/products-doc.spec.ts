import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ConnectTestContext, openConnectTestContext } from '../support/connect-test-context.ts';
import { type Listener, listen } from '../support/http-listener.ts';
import { TEST_ADMIN_KEY } from '../support/test-replica.ts';

jest.setTimeout(120_000);

const PAGE = readFileSync(path.resolve(import.meta.dirname, '../../docs/products.md'), 'utf8');
/** A line that no command of the page prints. */
const MARK = '<<< end of a step >>>';

/** One block of commands, under its chapter, and the response that the page shows, null where it shows none. */
interface Step {
  title: string;
  commands: string;
  shown: string | null;
}

function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  let title = '';
  for (const [, heading, language, block] of markdown.matchAll(/^## (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const last = steps.at(-1);
    if (heading !== undefined) title = heading;
    else if (language === 'sh') steps.push({ title, commands: block ?? '', shown: null });
    else if (last !== undefined) last.shown = block ?? '';
  }
  return steps;
}

/** What the page shows, cut short at each …, as a pattern; where its lines are broken does not count. */
function patternOf(shown: string): RegExp {
  const parts = squeezed(shown).split('…');
  return new RegExp(`^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.*?')}$`, 'u');
}

function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, '');
}

const hasTools = ['sh', 'curl', 'sed'].every((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0);
const describeWithTools = hasTools ? describe : describe.skip;

describeWithTools(`docs/products.md${hasTools ? '' : ' [skipped: no sh, curl and sed on this machine]'}`, () => {
  const steps = stepsOf(PAGE);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'metavault-doc-'));
  let context: ConnectTestContext;
  let front: Listener;
  let said: string[] = [];
  let pageErrors = '';

  beforeAll(async () => {
    let replica: Server | null = null;
    front = await listen((request, response) => replica?.emit('request', request, response));
    const url = `http://localhost:${front.port}`;
    context = await openConnectTestContext({ environment: { PUBLIC_URL: url } });
    replica = context.replica.app.getHttpServer();
    const script = steps.map(({ commands }) => `${commands}\nprintf '\\n%s\\n' '${MARK}'\n`).join('');
    const shell = spawn('sh', ['-eu', '-c', script], {
      cwd: folder,
      env: { PATH: process.env['PATH'], METAVAULT: url, SANDBOX: context.sandbox.url, ADMIN_KEY: TEST_ADMIN_KEY },
    });
    let output = '';
    shell.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    shell.stderr.on('data', (chunk: Buffer) => (pageErrors += chunk.toString()));
    await once(shell, 'close');
    said = output.split(`\n${MARK}\n`);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await front?.close();
    await context?.close();
  });

  it('has a chapter for every product', () => {
    const chapters = [
      'WhatsApp',
      'Instagram through Facebook Login',
      'Instagram Login',
      'Ads',
      'Facebook Pages',
      'Threads',
    ];
    expect([...new Set(steps.map((step) => step.title))]).toEqual(expect.arrayContaining(chapters));
  });

  it('runs from its first command to its last', () => {
    expect(pageErrors).toBe('');
    expect(said).toHaveLength(steps.length + 1);
  });

  it.each(steps.flatMap(({ title, shown }, index) => (shown === null ? [] : [[index, title, shown] as const])))(
    'shows what step %i answers (%s)',
    (index, _, shown) => {
      expect(squeezed(said[index] ?? '')).toMatch(patternOf(shown));
    },
  );
});
