import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CHECKS } from '../../src/operations/doctor/finding.ts';
import { readProgram } from '../support/cli-reference.ts';
import { findParsedCommand } from '../support/command-lines.ts';
import { ROOT } from './source-files.ts';

const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const PAGES_OF_DOCS = readdirSync(path.join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const PAGES = ['README.md', 'CONTRIBUTING.md', ...PAGES_OF_DOCS];
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** Blocks that a spec takes from the page and runs. */
const RUN_BY: readonly { page: string; language: string; starts: RegExp; spec: string }[] = [
  { page: 'docs/products.md', language: 'sh', starts: /^/, spec: 'test/e2e/documents.spec.ts' },
  { page: 'docs/products.md', language: 'json', starts: /^/, spec: 'test/e2e/documents.spec.ts' },
  { page: 'docs/apps.md', language: 'sh', starts: /^/, spec: 'test/e2e/documents.spec.ts' },
  { page: 'docs/apps.md', language: 'json', starts: /^/, spec: 'test/e2e/documents.spec.ts' },
  { page: 'README.md', language: 'sh', starts: /^curl /, spec: 'test/e2e/documents.spec.ts' },
  { page: 'README.md', language: 'json', starts: /^/, spec: 'test/e2e/documents.spec.ts' },
  { page: 'README.md', language: 'sh', starts: /^npm ci && npm start/, spec: 'test/e2e/start.spec.ts' },
  { page: 'docs/receiving-events.md', language: 'sh', starts: /^curl /, spec: 'test/e2e/events-receiver.spec.ts' },
  { page: 'docs/receiving-events.md', language: 'js', starts: /^/, spec: 'test/e2e/events-receiver.spec.ts' },
  { page: 'README.md', language: 'js', starts: /^/, spec: 'test/e2e/clients-typescript-package.spec.ts' },
  { page: 'docs/clients.md', language: 'js', starts: /^/, spec: 'test/e2e/clients-typescript-package.spec.ts' },
  { page: 'docs/clients.md', language: 'py', starts: /^/, spec: 'test/e2e/clients-python.spec.ts' },
  { page: 'docs/clients.md', language: 'html', starts: /^/, spec: 'test/e2e/browser-popup.spec.ts' },
  { page: 'docs/cli.md', language: 'sh', starts: /^/, spec: 'test/unit/cli/cli-doc.spec.ts' },
  { page: 'docs/cli.md', language: 'json', starts: /^/, spec: 'test/unit/cli/cli-doc.spec.ts' },
];
/** Commands of other programs, and the specs that run the same. */
const FOREIGN: readonly { starts: RegExp; spec: string }[] = [
  { starts: /^pg_(dump|restore) /, spec: 'test/e2e/backup-restore.spec.ts' },
  { starts: /^npm pack \.\/clients\/typescript$/, spec: 'test/e2e/clients-typescript-package.spec.ts' },
  { starts: /^npm pack \.\/clients\/browser$/, spec: 'test/e2e/clients-browser-package.spec.ts' },
  { starts: /^pip install \.\/clients\/python$/, spec: 'test/e2e/clients-python.spec.ts' },
  { starts: /^promtool (check|test) rules deploy\//, spec: 'test/integration/deploy/prometheus.spec.ts' },
  {
    starts: /^kubectl (-n metavault )?(create|delete|apply|wait|rollout) /,
    spec: 'test/integration/deploy/kubernetes.spec.ts',
  },
  { starts: /^psql .*roles\.sql/, spec: 'test/integration/database/roles.spec.ts' },
];

/** What nothing checks in the code blocks of a page: `page: line`. */
async function unheldLines(page: string, markdown: string): Promise<string[]> {
  const unheld: string[] = [];
  for (const [, language = '', block = ''] of markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)) {
    if (language === 'mermaid') continue;
    if (RUN_BY.some((each) => each.page === page && each.language === language && each.starts.test(block))) continue;
    if (language !== 'sh') unheld.push(`${page}: a block of ${language || 'no language'}`);
    else for (const command of commandsOf(block)) if (!(await isHeld(command))) unheld.push(`${page}: ${command}`);
  }
  return unheld;
}

function commandsOf(block: string): string[] {
  return block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .flatMap((line) => line.split(' && '));
}

async function isHeld(command: string): Promise<boolean> {
  if (FOREIGN.some(({ starts }) => starts.test(command))) return true;
  const script = /^(?:[A-Z_]+=\S+ )?npm (?:run )?([\w:]+)/.exec(command)?.[1];
  if (script !== undefined) return script === 'ci' || scripts[script] !== undefined;
  if (!/(?:^|\s)metavault /.test(command)) return false;
  return findParsedCommand(readProgram(), command).then(
    (parsed) => parsed !== '',
    () => false,
  );
}

describe('a code block of the documents', () => {
  it.each(PAGES)('%s is run by a test, or is parsed by the program it is for', async (page) => {
    expect(await unheldLines(page, read(page))).toEqual([]);
  });

  it('is found where nothing holds it', async () => {
    const page = '```sh\nmetavault keys melt\nnpm run nothing\ncurl localhost\n```\n```py\n1\n```\n';
    expect(await unheldLines('SAMPLE.md', page)).toEqual([
      'SAMPLE.md: metavault keys melt',
      'SAMPLE.md: npm run nothing',
      'SAMPLE.md: curl localhost',
      'SAMPLE.md: a block of py',
    ]);
  });

  it('has specs that are there', () => {
    const specs = [...RUN_BY, ...FOREIGN].map(({ spec }) => spec);
    expect(specs.filter((spec) => !existsSync(path.join(ROOT, spec)))).toEqual([]);
  });
});

describe('docs/threat-model.md', () => {
  const rows = read('docs/threat-model.md').matchAll(/`((?:e2e|unit|integration)\/[\w./-]+)`/g);
  const named = [...new Set([...rows].map(([, spec = '']) => `test/${spec}.spec.ts`))];

  it('names tests that are there', () => {
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((spec) => !existsSync(path.join(ROOT, spec)))).toEqual([]);
  });
});

describe('docs/production.md', () => {
  it('names every check of the doctor once, and no others', () => {
    const named = [...read('docs/production.md').matchAll(/Doctor: ((?:`\w+`(?:, )?)+)\./g)].flatMap(
      ([, checks = '']) => [...checks.matchAll(/\w+/g)].map(([check]) => check),
    );
    expect(named.sort()).toEqual([...CHECKS].sort());
  });
});

describe('a metric that the documents name', () => {
  const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(`src/${file}`))
    .join('\n');
  const documented = (page: string): string[] => [
    ...new Set([...page.matchAll(/`(metavault_[a-z_]+)(?=[`{])/g)].map(([, name = '']) => name)),
  ];
  const isMade = (name: string): boolean => sources.includes(`'${name}'`);
  const NO_METRICS = ['metavault_owner', 'metavault_service'];

  it.each(PAGES)('of %s exists', (page) => {
    const unknown = documented(read(page)).filter((name) => !NO_METRICS.includes(name) && !isMade(name));
    expect(unknown).toEqual([]);
  });

  it('is found where it does not exist', () => {
    expect(documented('`metavault_nothing_total{a="b"}` and `metavault_subscriptions_failing`')).toEqual([
      'metavault_nothing_total',
      'metavault_subscriptions_failing',
    ]);
    expect(['metavault_nothing_total', 'metavault_subscriptions_failing'].map(isMade)).toEqual([false, true]);
  });
});
