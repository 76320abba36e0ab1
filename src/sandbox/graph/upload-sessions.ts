import { createHash } from 'node:crypto';
import type { GraphCall } from '../http/graph-call.ts';
import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { UploadSession } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';

/** Largest chunk of a phased upload. Small, so that tests need several. */
const CHUNK_BYTES = 1024 * 1024;

/** Creates upload sessions, whose id is a path plus a query: `upload:…?sig=…`. The form is unconfirmed at Meta. */
export const uploadEdges: EdgeTable = {
  'POST app/uploads': ({ state, call }) => {
    const size = Number(call.params.get('file_length'));
    if (!(size > 0)) throw oauthError(100, '(#100) The parameter file_length is required');
    const name = Buffer.from(`attachment:${state.store.nextId('')}?file_length=${size}`).toString('base64');
    const session = openSession(state, `upload:${name}`, size, null);
    return ok({ id: `${session.id}?sig=${signatureOf(session.id)}` });
  },
};

/** Receives bytes of a session from `file_offset`, or reports its progress. */
export function handleUpload(state: SandboxState, call: GraphCall): MetaResponse {
  const session = sessionOf(state, call.path[0] ?? '');
  if (call.params.get('sig') !== signatureOf(session.id)) throw oauthError(100, '(#100) Invalid upload signature');
  if (call.method === 'GET') return ok({ id: session.id, file_offset: session.offset });
  addChunk(session, Number(call.headers['file_offset']), call.raw?.size ?? call.files[0]?.size ?? 0);
  return session.offset < session.size
    ? ok({ id: session.id, file_offset: session.offset })
    : ok({ h: `4::${Buffer.from(call.raw?.sha256 ?? '').toString('base64')}` });
}

/** Uploads a video to a Page or ad account in phases: start, transfer, finish. Returns null if the call names none. */
export function videoPhase({ state, call }: EdgeContext): MetaResponse | null {
  const phase = call.params.get('upload_phase');
  if (phase === undefined) return null;
  if (phase === 'start') {
    const size = Number(call.params.get('file_size'));
    if (!(size > 0)) throw oauthError(100, '(#100) The parameter file_size is required');
    const session = openSession(state, state.store.nextId('80'), size, state.store.nextId('81'));
    return ok({ video_id: session.videoId, ...chunkRange(session), upload_session_id: session.id });
  }
  const session = sessionOf(state, call.params.get('upload_session_id') ?? '');
  if (phase === 'transfer') {
    const chunk = call.files.find(({ field }) => field === 'video_file_chunk');
    addChunk(session, Number(call.params.get('start_offset')), chunk?.size ?? 0);
    return ok(chunkRange(session));
  }
  if (phase !== 'finish' || session.offset < session.size)
    throw oauthError(6000, 'There was a problem uploading your video file. Please try again.', { subcode: 1363030 });
  return success();
}

/** rupload.facebook.com: bytes with `offset` and `file_size`. The last path segment names the session. */
export function handleRuploadChunk(state: SandboxState, call: GraphCall, size: number | null): MetaResponse {
  const id = `rupload:${call.path.join('/')}`;
  const session = state.store.uploads.get(id);
  if (call.method === 'GET') return ok({ id: call.path.at(-1), file_offset: session?.offset ?? 0 });
  const whole = Number(call.headers['file_size'] ?? call.headers['x-entity-length'] ?? size ?? 0);
  const currentSession = session ?? openSession(state, id, whole, null);
  addChunk(currentSession, Number(call.headers['offset'] ?? 0), size ?? 0);
  return success();
}

function openSession(state: SandboxState, id: string, size: number, videoId: string | null): UploadSession {
  const session = { id, size, offset: 0, videoId };
  state.store.addUpload(session);
  return session;
}

function sessionOf(state: SandboxState, id: string): UploadSession {
  const session = state.store.uploads.get(id);
  if (session === undefined) throw oauthError(100, '(#100) The upload session does not exist');
  return session;
}

function addChunk(session: UploadSession, offset: number, size: number): void {
  if (size === 0) throw oauthError(100, '(#100) The request body must contain the file');
  if (offset !== session.offset)
    throw oauthError(100, '(#100) The offset is not where the upload stopped', { subcode: 1363037 });
  session.offset += size;
}

function chunkRange({ offset, size }: UploadSession): Record<string, string> {
  return { start_offset: String(offset), end_offset: String(Math.min(offset + CHUNK_BYTES, size)) };
}

function signatureOf(id: string): string {
  return `ARZ${createHash('sha256').update(id).digest('base64url').slice(0, 24)}`;
}
