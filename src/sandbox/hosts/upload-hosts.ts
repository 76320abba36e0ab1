import { handleRuploadChunk } from '../graph/upload-sessions.ts';
import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import type { MetaResponse } from '../http/meta-response.ts';
import { ok } from '../http/meta-response.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { authenticate } from '../tokens/graph-caller.ts';

/** rupload.facebook.com. Receives bytes from an offset; size and hash in the response are additions for tests. */
export function handleRupload(state: SandboxState, call: GraphCall): MetaResponse {
  const isInstagram = call.token !== null && state.tokens.view(call.token)?.claims.kind === 'instagram_user';
  authenticate(state, call, isInstagram ? 'instagram' : 'facebook');
  const file = call.files[0] ?? call.raw;
  if (call.method !== 'GET' && call.method !== 'POST') throw oauthError(100, '(#100) Unsupported method');
  const { json } = handleRuploadChunk(state, call, file?.size ?? null);
  if (call.method === 'GET' || file === null) return ok(json);
  return ok({ success: true, h: `4:${file.sha256}`, size: file.size, sha256: file.sha256 });
}

/** The media host: bytes by id for any valid Facebook token. Which tokens Meta accepts here is unconfirmed. */
export function handleLookaside(state: SandboxState, call: GraphCall): MetaResponse {
  authenticate(state, call, 'facebook');
  const media = state.store.media.get(call.params.get('mid') ?? '');
  if (media === undefined || media.bytes === null) return { status: 404, text: 'NOT FOUND', contentType: 'text/plain' };
  return { status: 200, bytes: media.bytes, contentType: media.mimeType };
}
