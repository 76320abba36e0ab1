const METRIC = /\b(?:metavault|process|nodejs)_[a-z0-9_]+/g;
/** `metric{selector}`, for any metric. */
const SELECTOR = /([a-z_][a-z0-9_]*)\{([^}]*)\}/g;
const GROUPING = /\b(?:by|without)\s*\(([^)]*)\)/g;
/** Labels that Prometheus adds to each scraped series, besides those that it renames. */
const TARGET_LABELS = ['job', 'instance', 'le'];

/** Metrics by name, with their labels. */
export type Metrics = ReadonlyMap<string, readonly string[]>;

interface RegisteredMetric {
  name: string;
  type: string | number;
  labelNames?: readonly string[];
}

/** The series that a scrape of these metrics has: a histogram has three. */
export function scrapedMetrics(registered: readonly unknown[]): Metrics {
  const metrics = new Map<string, readonly string[]>();
  for (const { name, type, labelNames = [] } of registered as RegisteredMetric[]) {
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes) metrics.set(name + suffix, labelNames);
  }
  return metrics;
}

export function metricsIn(expression: string): string[] {
  return [...new Set(expression.match(METRIC) ?? [])];
}

/** Metrics and labels of an expression that do not exist. */
export function unknownIn(expression: string, metrics: Metrics): string[] {
  const names = metricsIn(expression);
  const known = new Set([...TARGET_LABELS, ...names.flatMap((name) => metrics.get(name) ?? []).map(scrapedLabel)]);
  const selected = [...expression.matchAll(SELECTOR)].flatMap(([, , matchers = '']) =>
    [...matchers.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  );
  const grouped = [...expression.matchAll(GROUPING)].flatMap(([, labels = '']) => labels.split(/\s*,\s*/));
  return [
    ...names.filter((name) => !metrics.has(name)),
    ...[...selected, ...grouped].filter((label) => !known.has(label)),
  ];
}

/** Prometheus reserves `job` for the name of the scrape job. */
function scrapedLabel(label: string): string {
  return label === 'job' ? 'exported_job' : label;
}
