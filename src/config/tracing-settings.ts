import type { TracingConfig } from './config.ts';
import type { EnvironmentReader } from './environment-reader.ts';
import { readUrl } from './setting-readers.ts';

const TRACES_PATH = '/v1/traces';

/**
 * Reads OpenTelemetry's standard variables
 * (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Null, which is the default: no traces are sent.
 */
export function readTracing(reader: EnvironmentReader): TracingConfig | null {
  const base = readUrl(reader, 'OTEL_EXPORTER_OTLP_ENDPOINT', '');
  const url = readUrl(reader, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', base === '' ? '' : `${base}${TRACES_PATH}`);
  const serviceName = reader.text('OTEL_SERVICE_NAME') ?? 'metavault';
  return url === '' ? null : { url, serviceName };
}
