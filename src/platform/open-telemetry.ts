import type { IncomingHttpHeaders } from 'node:http';
import {
  type Context,
  createTraceState,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { readTraceContext } from './http-server/trace-context.ts';
import { AppError } from './problem.ts';
import { NO_SPAN, type RequestSpan, type Span, type SpanAttributes, type SpanOptions, type Tracer } from './tracing.ts';

export interface OpenTelemetryOptions {
  /** URL of a collector that accepts OTLP over HTTP, including the path. */
  url: string;
  serviceName: string;
}

const KINDS = { client: SpanKind.CLIENT, internal: SpanKind.INTERNAL };

/** Loads OpenTelemetry's SDK, which nothing else loads, and returns a tracer that sends spans with it. */
export async function openTracer({ url, serviceName }: OpenTelemetryOptions): Promise<Tracer> {
  const [contexts, exporter, resources, sdk] = await Promise.all([
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
  ]);
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [new sdk.BatchSpanProcessor(new exporter.OTLPTraceExporter({ url }))],
  });
  return new OpenTelemetryTracer(new contexts.AsyncLocalStorageContextManager().enable(), provider);
}

class OpenTelemetryTracer implements Tracer {
  readonly #contexts: AsyncLocalStorageContextManager;
  readonly #provider: BasicTracerProvider;
  readonly #tracer: OtelTracer;

  constructor(contexts: AsyncLocalStorageContextManager, provider: BasicTracerProvider) {
    this.#contexts = contexts;
    this.#provider = provider;
    this.#tracer = provider.getTracer('metavault');
  }

  beginRequest(headers: IncomingHttpHeaders): RequestSpan {
    const span = this.#tracer.startSpan('request', { kind: SpanKind.SERVER }, parentOf(headers));
    const context = trace.setSpan(ROOT_CONTEXT, span);
    return {
      traceId: span.spanContext().traceId,
      enter: (handle) => this.#contexts.with(context, handle),
      end: (name, status, attributes) => {
        span.updateName(name).setAttributes({ ...attributes, 'http.response.status_code': status });
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  }

  async run<T>(
    { name, kind, needsParent = false, attributes = {} }: SpanOptions,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const active = this.#contexts.active();
    if (needsParent && trace.getSpan(active) === undefined) return work(NO_SPAN);
    const span = this.#tracer.startSpan(name, { kind: KINDS[kind], attributes: { ...attributes } }, active);
    try {
      return await this.#contexts.with(trace.setSpan(active, span), () => work(asSpan(span)));
    } catch (error) {
      // Not `recordException`: messages may quote data that must not leave the service.
      span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', nameOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  headers(): Record<string, string> {
    const context = trace.getSpan(this.#contexts.active())?.spanContext();
    if (context === undefined) return {};
    const flags = context.traceFlags.toString(16).padStart(2, '0');
    return { traceparent: `00-${context.traceId}-${context.spanId}-${flags}` };
  }

  async close(): Promise<void> {
    this.#contexts.disable();
    // An unavailable collector must not hold up a shutdown.
    await this.#provider.shutdown().catch(() => undefined);
  }
}

/** The caller's span as parent (W3C Trace Context), or none. */
function parentOf(headers: IncomingHttpHeaders): Context {
  const given = readTraceContext(headers);
  const [, traceId, spanId, flags] = given?.traceparent.split('-') ?? [];
  if (given === null || traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags ?? '0', 16) & 1;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(given.tracestate === null ? {} : { traceState: createTraceState(given.tracestate) }),
  });
}

function asSpan(span: OtelSpan): Span {
  return { set: (attributes: SpanAttributes) => void span.setAttributes({ ...attributes }) };
}

/** The code of a problem; otherwise the class of the error. */
function nameOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}
