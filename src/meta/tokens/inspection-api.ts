import type { TokenKind } from '../../config/products.ts';
import type { SecretString } from '../../platform/secret-string.ts';
import { MetaError } from '../errors/meta-error.ts';
import { unusableResponseError } from '../errors/unusable-response-error.ts';
import type { GraphCall } from '../graph/graph-call.ts';
import type { TokenHostName } from '../graph/graph-host.ts';
import type { GraphResponse, GraphTransport } from '../graph/graph-transport.ts';
import { asObject, field, objectsOf, readId, readText } from '../graph/lossless-json.ts';
import { requestAppToken } from '../graph/request-app-token.ts';
import type { BatchInspection } from './batch-inspection.ts';
import { type InspectionResult, readDebugToken } from './inspection-result.ts';
import { type TokenKindDescriptor, tokenKind } from './token-kinds.ts';
import { recognizeTokenKind } from './token-prefixes.ts';

interface TokenToInspect {
  kind: TokenKind | 'unknown';
  token: SecretString;
}

/** `missing`: a null item of a batch; `failed`: no verdict. Retry both later. */
export type InspectionItem =
  | { outcome: 'inspected'; result: InspectionResult }
  | { outcome: 'missing' }
  | { outcome: 'failed'; error: MetaError };

/** Per `inspectMany`, for tokens that need single calls. */
const SINGLE_CALL_CONCURRENCY = 8;

/** Asks Meta about tokens (docs/meta-facts.md#token-inspection). */
export class InspectionApi {
  constructor(
    private readonly transport: GraphTransport,
    private readonly batches: BatchInspection,
  ) {}

  /**
   * Inspects one token. An `unknown` one is sent to the host its prefix suggests, else to graph.facebook.com. Throws
   * `MetaError` if there is no verdict; `configuration` is then about our app id or secret, not about the token.
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

  /**
   * Inspects many tokens and returns items in their order. Facebook's go in batches of 50, then in single calls if a
   * batch cannot decide. Never throws `MetaError`.
   */
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

  /** Guesses the kind from the prefix, but only if it is unknown and the guessed host has an app to ask with. */
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
      // 100: a token of another app, or a call that was not made by an app.
      if (!(error instanceof MetaError) || error.cause.code !== 100) throw error;
      await this.verifyAppCredentials();
      return { valid: false, reason: 'foreign_app', appId: null };
    }
  }

  /** Throws if Meta rejects our id and secret or cannot be reached: then the 100 says nothing about the token. */
  private async verifyAppCredentials(): Promise<void> {
    try {
      await requestAppToken(this.transport, 'facebook');
    } catch (error) {
      // Meta refuses this call to native apps (docs/meta-facts.md#code-exchange), which proves that it knows the app.
      if (!(error instanceof MetaError) || error.verdict.kind !== 'parameter') throw error;
    }
  }

  /** Tries Threads' debug_token, then `/me` (docs/meta-facts.md#token-inspection). */
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

  /** Sends a POST with `method=get` to keep the token out of the URL, else the documented GET. */
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
    return this.transport.queryFallback(`inspect ${host}`).run(
      () => this.sendInspectionPost({ ...call, method: 'POST', form: { method: 'get', ...input } }),
      () => this.transport.call({ ...call, method: 'GET', query: input }),
    );
  }

  /** Rejects a response that is not an inspection: Meta did not treat the POST as a GET. */
  private async sendInspectionPost(call: GraphCall): Promise<GraphResponse> {
    const response = await this.transport.call(call);
    const outer = asObject(response.json);
    const data = asObject(field(outer, 'data')) ?? outer;
    if (typeof field(data, 'is_valid') === 'boolean') return response;
    throw unusableResponseError(call.operation, response.status, false);
  }

  /** Calls `/me` with the token itself. Here a 190 is a confirmed verdict (docs/meta-facts.md#code-190). */
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

/** Whether graph.facebook.com's `debug_token`, which works in batches, inspects this kind. */
function isBatchable(kind: TokenKind | 'unknown'): boolean {
  return kind === 'unknown' || tokenKind(kind).inspection.meFields === null;
}

/** Whether the item is a verdict on a token of our app. */
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

/** Reads `{user_id, username, id}`, flat or in `data: [...]`. */
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
