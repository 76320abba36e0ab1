import { Inject, Injectable } from '@nestjs/common';
import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import type { TokenHostName } from '../graph/graph-host.ts';
import { type GraphResponse, GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, objectsOf, readId, readText } from '../graph/lossless-json.ts';
import { QueryFallback } from '../graph/query-fallback.ts';
import { requestAppToken } from '../graph/request-app-token.ts';
import { BatchInspection } from './batch-inspection.ts';
import { type InspectionResult, readDebugToken } from './inspection-result.ts';
import { type TokenKindDescriptor, tokenKind } from './token-kinds.ts';
import { recognizeTokenKind } from './token-prefixes.ts';

interface TokenToInspect {
  kind: TokenKind | 'unknown';
  token: SecretString;
}

/** One of many. `missing`: Meta left it out (a null item of a batch); `failed`: no verdict could be had. Both come again. */
export type InspectionItem =
  | { outcome: 'inspected'; result: InspectionResult }
  | { outcome: 'missing' }
  | { outcome: 'failed'; error: MetaError };

/** Of one `inspectMany`, where batches do not help. */
const SINGLE_CALL_CONCURRENCY = 8;

/** What Meta knows of a token (META.md 4, 7, 9). */
@Injectable()
export class InspectionApi {
  private readonly queryFallback: Readonly<Record<TokenHostName, QueryFallback>> = {
    facebook: new QueryFallback(),
    instagram: new QueryFallback(),
    threads: new QueryFallback(),
  };

  constructor(
    @Inject(GraphTransport) private readonly transport: GraphTransport,
    @Inject(BatchInspection) private readonly batches: BatchInspection,
  ) {}

  /**
   * The verdict on one token. An `unknown` one is asked about where its prefix points, else at graph.facebook.com. Throws `MetaError` where there is no verdict;
   * `configuration` then means our own app id or secret, and says nothing of the token.
   */
  async inspect(kind: TokenKind | 'unknown', token: SecretString): Promise<InspectionResult> {
    const likely = this.likelyKind(kind, token);
    if (likely === 'unknown') return this.inspectFacebook(kind, token);
    const { inspection } = tokenKind(likely);
    if (inspection.by === 'me') return this.inspectByMe(likely, token);
    return inspection.meFields === null
      ? this.inspectFacebook(kind, token)
      : this.inspectByDebugTokenOrMe(tokenKind(likely), token);
  }

  /** Results in the order of `tokens`. Facebook's in batches of 50, with single calls for what a batch cannot decide. Never throws `MetaError`. */
  async inspectMany(tokens: readonly TokenToInspect[]): Promise<InspectionItem[]> {
    const items = new Array<InspectionItem>(tokens.length).fill({ outcome: 'missing' });
    const single: number[] = [];
    const batched: number[] = [];
    for (const [index, { kind, token }] of tokens.entries()) {
      (isBatchable(this.likelyKind(kind, token)) ? batched : single).push(index);
    }
    const responses = await this.batches.inspect(batched.flatMap((index) => tokens[index] ?? []));
    for (const [position, response] of responses.entries()) {
      const index = batched[position] ?? 0;
      if (response.outcome === 'undecided') single.push(index);
      else items[index] = response;
    }
    await forEachLimited(single, SINGLE_CALL_CONCURRENCY, async (index) => {
      const token = tokens[index];
      if (token !== undefined) items[index] = await this.inspectItem(token);
    });
    const refused = responses.length > 1 && responses.every(({ outcome }) => outcome === 'undecided');
    if (refused && batched.some((index) => isOwnToken(items[index]))) this.batches.disable();
    return items;
  }

  /** Prefixes are a hint only, and so count only where nothing else is known; and only where there is an app to ask with. */
  private likelyKind(kind: TokenKind | 'unknown', token: SecretString): TokenKind | 'unknown' {
    if (kind !== 'unknown') return kind;
    const recognized = recognizeTokenKind(token);
    const isAskable = recognized !== 'unknown' && this.transport.host(tokenKind(recognized).host).app !== null;
    return isAskable ? recognized : 'unknown';
  }

  private async inspectItem({ kind, token }: TokenToInspect): Promise<InspectionItem> {
    try {
      return { outcome: 'inspected', result: await this.inspect(kind, token) };
    } catch (error) {
      if (error instanceof MetaError) return { outcome: 'failed', error };
      throw error;
    }
  }

  private async inspectFacebook(kind: TokenKind | 'unknown', token: SecretString): Promise<InspectionResult> {
    try {
      return await this.debugToken('facebook', kind, token);
    } catch (error) {
      // 100 means a token of another app, or that the call was not made by an app (META.md 4).
      if (!(error instanceof MetaError) || error.cause.code !== 100) throw error;
      await this.verifyAppCredentials();
      return { valid: false, reason: 'foreign_app', appId: null };
    }
  }

  /** Throws where Meta does not take our id and secret, or cannot be asked: then the 100 says nothing of the token. */
  private async verifyAppCredentials(): Promise<void> {
    try {
      await requestAppToken(this.transport, 'facebook');
    } catch (error) {
      // Native apps are refused this call (META.md 2), which shows that Meta knows them.
      if (!(error instanceof MetaError) || error.verdict.kind !== 'parameter') throw error;
    }
  }

  /** Threads' debug_token; where that gives no result, `/me` (META.md 9, CONTRACT 4). */
  private async inspectByDebugTokenOrMe(
    { host, kind }: TokenKindDescriptor,
    token: SecretString,
  ): Promise<InspectionResult> {
    try {
      return await this.debugToken(host, kind, token);
    } catch (error) {
      if (!(error instanceof MetaError) || error.verdict.kind === 'throttled' || error.httpStatus === null) throw error;
      return this.inspectByMe(kind, token);
    }
  }

  private async debugToken(
    host: TokenHostName,
    kind: TokenKind | 'unknown',
    token: SecretString,
  ): Promise<InspectionResult> {
    const response = await this.sendDebugToken(host, token);
    const result = readDebugToken(response.json, { appIds: this.transport.appIds(host), kind });
    if (result !== null && 'valid' in result) return result;
    throw new MetaError({
      verdict: result?.unrelatedVerdict ?? { kind: 'transient' },
      cause: result?.meta ?? {},
      httpStatus: response.status,
      operation: 'inspect',
      mayHaveCommitted: false,
    });
  }

  /** As a POST with `method=get`, so that the token stays out of the address (META.md 14); else the documented GET. */
  private sendDebugToken(host: TokenHostName, token: SecretString): Promise<GraphResponse> {
    const call: Omit<GraphCall, 'method'> = {
      operation: 'inspect',
      context: 'app_call',
      host,
      path: `/${this.transport.host(host).version}/debug_token`,
      auth: { by: 'app' },
      effect: 'read',
    };
    const input = { input_token: token.expose() };
    return this.queryFallback[host].run(
      () => this.sendInspectionPost({ ...call, method: 'POST', form: { method: 'get', ...input } }),
      () => this.transport.call({ ...call, method: 'GET', query: input }),
    );
  }

  /** A POST whose response is not an inspection was not understood as a GET. */
  private async sendInspectionPost(call: GraphCall): Promise<GraphResponse> {
    const response = await this.transport.call(call);
    const outer = asObject(response.json);
    const data = asObject(field(outer, 'data')) ?? outer;
    if (typeof field(data, 'is_valid') === 'boolean') return response;
    throw unusableResponseError(call.operation, response.status, false);
  }

  /** `/me` with the token itself; 190 is the verdict there (CONTRACT 6.1). */
  private async inspectByMe(kind: TokenKind, token: SecretString): Promise<InspectionResult> {
    const { host: hostName, inspection } = tokenKind(kind);
    const host = this.transport.host(hostName);
    try {
      const response = await this.transport.call({
        operation: 'inspect',
        context: 'graph',
        host: host.name,
        method: 'GET',
        path: `/${host.version}/me`,
        query: { fields: inspection.meFields ?? 'id' },
        auth: { by: 'credential', token },
        effect: 'read',
      });
      return readMe(kind, response);
    } catch (error) {
      if (!(error instanceof MetaError) || error.cause.code !== 190) throw error;
      const verdict =
        error.verdict.kind === 'dead' ? error.verdict : { kind: 'dead' as const, reason: 'invalid' as const };
      return { valid: false, reason: 'dead', verdict, meta: error.cause };
    }
  }
}

/** Whether `debug_token` of graph.facebook.com inspects it, which goes in batches. */
function isBatchable(kind: TokenKind | 'unknown'): boolean {
  return kind === 'unknown' || tokenKind(kind).inspection.meFields === null;
}

/** Whether the item has a verdict on a token of our app. */
function isOwnToken(item: InspectionItem | undefined): boolean {
  return item?.outcome === 'inspected' && (item.result.valid || item.result.reason === 'dead');
}

async function forEachLimited<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

/** `{user_id, username, id}`, also wrapped in `data: [...]`. */
function readMe(kind: TokenKind, response: GraphResponse): InspectionResult {
  const outer = asObject(response.json);
  const me = objectsOf(field(outer, 'data'))[0] ?? outer;
  const userId = readId(me, 'user_id') ?? readId(me, 'id');
  if (userId === null) {
    throw unusableResponseError('inspect', response.status, false);
  }
  const ownId = readId(me, 'id');
  return {
    valid: true,
    appId: null,
    kind,
    userId,
    ...(ownId === null || ownId === userId ? {} : { appScopedUserId: ownId }),
    subjectId: userId,
    subjectName: readText(me, 'username'),
    scopes: null,
    granularScopes: [],
    issuedAt: null,
    expiresAt: 'unknown',
    dataAccessExpiresAt: null,
  };
}
