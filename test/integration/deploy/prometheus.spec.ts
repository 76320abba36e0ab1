import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import GithubSlugger from 'github-slugger';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { processMetrics } from '../../../src/operations/metrics/process-metrics.ts';
import { describeWithTools, runTool } from '../../support/describe-with-tools.ts';
import { type Metrics, metricsIn, scrapedMetrics, unknownIn } from '../../support/promql.ts';
import { startTestReplica, type TestReplica } from '../../support/test-replica.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const RULES = 'deploy/prometheus/metavault-rules.yml';
const RULE_TESTS = ['deploy/prometheus/metavault-rules.test.yml', 'deploy/prometheus/metavault-rules-hours.test.yml'];
const DASHBOARD = 'deploy/grafana/metavault-dashboard.json';
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook_url: string };
}
const rules = (parse(read(RULES)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

interface Panel {
  title: string;
  type: string;
  description?: string;
  targets?: { expr: string }[];
}
const dashboard = JSON.parse(read(DASHBOARD)) as { panels: Panel[] };
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

let replica: TestReplica;
let metrics: Metrics;

beforeAll(async () => {
  replica = await startTestReplica();
  const registries = [processMetrics(), replica.app.get(Registry)];
  metrics = scrapedMetrics(registries.flatMap((registry) => registry.getMetricsAsArray()));
});
afterAll(() => replica.close());

describe('an alert', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s has all that an operator needs', (_, rule) => {
    expect(unknownIn(rule.expr, metrics)).toEqual([]);
    expect(rule.for).toMatch(/^\d+[mhd]$/);
    expect(['critical', 'warning', 'info']).toContain(rule.labels.severity);
    expect(rule.annotations.summary).toMatch(/^[A-Z{].{15,}[^.]$/);
    expect(rule.annotations.description).toMatch(/^[A-Z{].{15,}\.$/);
    expect(rule.annotations.runbook_url).toMatch(/^docs\/runbook\.md#[a-z-]+$/);
    expect(sections('docs/runbook.md')).toContain(rule.annotations.runbook_url.split('#')[1]);
  });

  it('is one of those in docs/production.md, with the same thresholds, duration, and severity', () => {
    const rows = [...read('docs/production.md').matchAll(/^\| `(Metavault\w+)` \| (.*) \| (\w+) \| (\w+) \|$/gm)];
    expect(rows.map(([, alert]) => alert)).toEqual(rules.map(({ alert }) => alert));
    for (const [, alert, condition = '', duration, severity] of rows) {
      const rule = rules.find((each) => each.alert === alert) as Rule;
      expect([alert, duration, severity]).toEqual([alert, rule.for, rule.labels.severity]);
      expect([alert, metricsIn(condition)]).toEqual([alert, metricsIn(rule.expr)]);
      const numbers = (
        condition
          .replaceAll(/`[^`]*`/g, '')
          .replaceAll(',', '')
          .match(/\d+(?:\.\d+)?/g) ?? []
      ).map(Number);
      expect([alert, thresholds(rule.expr).filter((threshold) => !numbers.includes(threshold))]).toEqual([alert, []]);
    }
  });

  it('is found where it asks for what does not exist', () => {
    expect(
      unknownIn('sum by (kek, nobody) (metavault_data_keys{state="x",kind="y"}) / metavault_nothing', metrics),
    ).toEqual(['metavault_nothing', 'kind', 'nobody']);
  });
});

describe('the dashboard', () => {
  it.each(panels.map((panel) => [panel.title, panel] as const))('%s asks for metrics that exist', (_, panel) => {
    const expressions = (panel.targets ?? []).map(({ expr }) => expr);
    expect(expressions.length).toBeGreaterThan(0);
    expect(expressions.flatMap((expression) => unknownIn(expression, metrics))).toEqual([]);
  });

  it('shows every metric that an alert watches', () => {
    const shown = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr)));
    const left = rules.flatMap(({ expr }) => metricsIn(expr)).filter((metric) => !shown.includes(metric));
    expect([...new Set(left)]).toEqual([]);
  });
});

describeWithTools(['promtool'], 'promtool', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'metavault-rules-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('accepts the rules', () => {
    expect(runTool('promtool', 'check', 'rules', path.join(ROOT, RULES))).toContain(
      `SUCCESS: ${rules.length} rules found`,
    );
  });

  it('sees each alert fire and stay silent', () => {
    const tests = RULE_TESTS.flatMap((file) => (parse(read(file)) as { tests: { name: string }[] }).tests);
    const tested = new Set(tests.map(({ name }) => name.split(' ')[0]));
    expect(rules.map(({ alert }) => alert).filter((alert) => !tested.has(alert))).toEqual([]);
    expect(runTool('promtool', 'test', 'rules', ...RULE_TESTS.map((file) => path.join(ROOT, file)))).toContain(
      'SUCCESS',
    );
  });

  it('parses the queries of the dashboard', () => {
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const recorded = expressions.map((expr, index) => ({
      record: `dashboard:query:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }));
    const file = path.join(folder, 'dashboard.yml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
    expect(runTool('promtool', 'check', 'rules', file)).toContain(`SUCCESS: ${recorded.length} rules found`);
  });
});

/** What an expression compares with. */
function thresholds(expression: string): number[] {
  return [...expression.matchAll(/(?:[<>]=?|==)\s*(\d+(?:\.\d+)?)/g)].map(([, number]) => Number(number));
}

function sections(page: string): string[] {
  const slugger = new GithubSlugger();
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => slugger.slug(title));
}
