import { listen } from './http-listener.ts';

interface AttributeValue {
  stringValue?: string;
  intValue?: string | number;
  boolValue?: boolean;
}

export interface CollectedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: { key: string; value: AttributeValue }[];
}

export interface TraceCollector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  spans(): CollectedSpan[];
  /** All that was sent. */
  text(): string;
  close(): Promise<void>;
}

/** A collector of OpenTelemetry: keeps the spans that arrive as JSON at `/v1/traces`. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const bodies: string[] = [];
  const server = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(chunks).toString('utf8'));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  const spansOf = (body: string): CollectedSpan[] => {
    const { resourceSpans = [] } = JSON.parse(body) as {
      resourceSpans?: { scopeSpans: { spans: CollectedSpan[] }[] }[];
    };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  };
  return {
    url: server.url,
    spans: () => bodies.flatMap(spansOf),
    text: () => bodies.join('\n'),
    close: server.close,
  };
}
