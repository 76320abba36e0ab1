import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { classifyError } from '../errors/classify-error.ts';
import { readGraphError, toMetaCause } from '../errors/graph-error.ts';
import { MetaError } from '../errors/meta-error.ts';
import { appToken } from '../graph/app-credentials.ts';
import type { GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, type Json, parseLossless, readNumber, readText } from '../graph/lossless-json.ts';
import { type InspectionResult, readDebugToken } from './inspection-result.ts';

/** `undecided`: the batch gave no verdict, but a single call may. */
export type BatchItem =
  | { outcome: 'inspected'; result: InspectionResult }
  | { outcome: 'missing' }
  | { outcome: 'failed'; error: MetaError }
  | { outcome: 'undecided' };

interface Input {
  kind: TokenKind | 'unknown';
  token: SecretString;
}

/** Meta's limit (docs/meta-facts.md#batches). */
const BATCH_SIZE = 50;

/**
 * Inspects tokens in Graph batches. That debug_token works in a batch is unconfirmed
 * (docs/meta-facts.md#batches), so tokens that a batch refuses are left to single calls. If these succeed,
 * batches are not tried again.
 */
export class BatchInspection {
  #isDisabled = false;

  constructor(private readonly transport: GraphTransport) {}

  /** Stops using batches: single calls worked for tokens that whole batches refused. */
  disable(): void {
    this.#isDisabled = true;
  }

  /** Returns items in input order. Never throws `MetaError`. */
  async inspect(inputs: readonly Input[]): Promise<BatchItem[]> {
    const items: BatchItem[] = [];
    for (let start = 0; start < inputs.length; start += BATCH_SIZE) {
      items.push(...(await this.inspectBatch(inputs.slice(start, start + BATCH_SIZE))));
    }
    return items;
  }

  private async inspectBatch(inputs: readonly Input[]): Promise<BatchItem[]> {
    if (inputs.length === 1 || this.#isDisabled) return inputs.map(() => ({ outcome: 'undecided' }));
    try {
      const responses = await this.send(inputs);
      return inputs.map((input, index) => this.readItem(input, responses[index]));
    } catch (error) {
      if (!(error instanceof MetaError)) throw error;
      const item: BatchItem = isBatchFailure(error) ? { outcome: 'undecided' } : { outcome: 'failed', error };
      return inputs.map(() => item);
    }
  }

  /** Sends tokens in the body. The app token goes in the header and in the body, where batches require it. */
  private async send(inputs: readonly Input[]): Promise<Json[]> {
    const operation = 'inspect_batch';
    const host = this.transport.host('facebook');
    const batch = inputs.map(({ token }) => ({
      method: 'GET',
      relative_url: `debug_token?${new URLSearchParams({ input_token: token.expose() }).toString()}`,
    }));
    const response = await this.transport.call({
      operation,
      context: 'app_call',
      host: 'facebook',
      method: 'POST',
      path: `/${host.version}/`,
      form: {
        access_token: appToken(host, operation).expose(),
        include_headers: 'false',
        batch: JSON.stringify(batch),
      },
      auth: { by: 'app' },
      effect: 'read',
      timeoutMs: 30_000,
    });
    if (Array.isArray(response.json)) return response.json;
    throw new MetaError({
      verdict: { kind: 'parameter' },
      httpStatus: response.status,
      operation,
      mayHaveCommitted: false,
    });
  }

  /** Reads `{code, body}`, where `body` is JSON in a string. A null item did not finish in time. */
  private readItem(input: Input, response: Json | undefined): BatchItem {
    const item = asObject(response);
    if (item === null) return { outcome: 'missing' };
    const status = readNumber(item, 'code') ?? 500;
    const text = readText(item, 'body');
    const body = text === null ? field(item, 'body') : parseLossless(text);
    const error = readGraphError(body);
    if (status === 200 && error === null && body !== undefined) {
      const result = readDebugToken(body, { appIds: this.transport.appIds('facebook'), kind: input.kind });
      if (result !== null && 'valid' in result) return { outcome: 'inspected', result };
      return { outcome: 'undecided' };
    }
    const verdict = classifyError({ httpStatus: status, ...error, context: 'app_call', host: 'facebook' });
    if (verdict.kind !== 'throttled' && verdict.kind !== 'transient') return { outcome: 'undecided' };
    const cause = toMetaCause(error);
    const facts = { verdict, cause, httpStatus: status, operation: 'inspect_batch', mayHaveCommitted: false };
    return { outcome: 'failed', error: new MetaError(facts) };
  }
}

/** Whether the batch itself may be at fault. Limits, outages and wrong app settings would hit single calls as well. */
function isBatchFailure(error: MetaError): boolean {
  const { kind } = error.verdict;
  return (
    kind !== 'throttled' && kind !== 'configuration' && !(kind === 'transient' && (error.httpStatus ?? 500) >= 500)
  );
}
