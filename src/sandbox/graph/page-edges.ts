import { oauthError } from '../http/graph-error.ts';
import { type MetaResponse, ok, success } from '../http/meta-response.ts';
import type { PostRecord } from '../state/records.ts';
import { requireScope, requireTokenView } from '../tokens/graph-caller.ts';
import type { EdgeContext, EdgeTable } from './graph-edge.ts';
import { listNodes } from './graph-edge.ts';
import { isFinished } from './media-container.ts';
import { instagramView, postView } from './node-views.ts';
import { videoPhase } from './upload-sessions.ts';

/** Edges of Pages and their Instagram accounts, enough to read and write. */
export const pageEdges: EdgeTable = {
  'GET page/feed': (context) => listNodes(context, 'feed', postsOf(context), postView),
  'GET page/posts': (context) => listNodes(context, 'posts', postsOf(context), postView),
  'POST page/feed': (context) => {
    requirePageToken(context);
    requireScope(requireTokenView(context.caller), 'pages_manage_posts');
    const message = context.call.params.get('message') ?? context.call.params.get('link');
    if (message === undefined || message === '') throw oauthError(100, '(#100) The parameter message is required');
    return ok({ id: addPost(context, `${context.node.id}_`, message).id });
  },
  'POST page/photos': (context) => upload(context),
  'POST page/videos': (context) => {
    requirePageToken(context);
    return videoPhase(context) ?? upload(context);
  },
  'GET page/instagram_accounts': (context) => {
    const account =
      context.node.type === 'page'
        ? context.state.store.instagramAccounts.get(context.node.record.instagramId ?? '')
        : undefined;
    return listNodes(context, 'instagram_accounts', account === undefined ? [] : [account], instagramView);
  },
  'GET page/subscribed_apps': ({ node }) => {
    const subscribed = node.type === 'page' ? Object.entries(node.record.subscribedApps) : [];
    return ok({ data: subscribed.map(([id, fields]) => ({ id, subscribed_fields: fields })) });
  },
  'POST page/subscribed_apps': (context) => {
    requirePageToken(context);
    const { node, call, caller, state } = context;
    const fields = call.params.get('subscribed_fields');
    if (fields === undefined) throw oauthError(100, '(#100) The parameter subscribed_fields is required.');
    if (node.type === 'page') node.record.subscribedApps[caller.app.id] = fields.replace(/[[\]"]/g, '').split(',');
    state.store.onChange();
    return success();
  },
  'DELETE page/subscribed_apps': ({ node, caller, state }) => {
    if (node.type === 'page') delete node.record.subscribedApps[caller.app.id];
    state.store.onChange();
    return success();
  },
  'GET instagram/media': (context) => listNodes(context, 'media', postsOf(context), postView),
  'POST instagram/media': (context) => container(context, 'instagram_content_publish'),
  'POST instagram/media_publish': (context) => publish(context),
  'GET instagram/content_publishing_limit': () => ok({ data: [{ quota_usage: 0 }] }),
};

/** Writing to a Page requires the Page's own token. */
function requirePageToken(context: EdgeContext): void {
  if (requireTokenView(context.caller).claims.kind === 'page') return;
  throw oauthError(210, '(#210) A page access token is required to request this resource.', { status: 403 });
}

/** Newest first. */
export function postsOf({ state, node }: EdgeContext): PostRecord[] {
  return [...state.store.posts.values()].filter((post) => post.ownerId === node.id).reverse();
}

function addPost({ state, node }: EdgeContext, prefix: string, message: string): PostRecord {
  const post: PostRecord = {
    id: `${prefix}${state.store.nextId('40')}`,
    ownerId: node.id,
    message,
    createdAt: state.now(),
  };
  state.store.addPost(post);
  return post;
}

function upload(context: EdgeContext): MetaResponse {
  requirePageToken(context);
  const { call } = context;
  const file = call.files[0];
  if (file === undefined && !call.params.has('url') && !call.params.has('file_url'))
    throw oauthError(324, '(#324) Requires upload file');
  const id = addPost(context, '', call.params.get('caption') ?? file?.filename ?? 'upload').id;
  return ok(
    file === undefined
      ? { id, post_id: `${context.node.id}_${id}` }
      : { id, post_id: `${context.node.id}_${id}`, size: file.size, sha256: file.sha256 },
  );
}

/** Creates an Instagram container. Errors 36003 and 9004 are left to scripted faults. */
export function container(context: EdgeContext, scope: string): MetaResponse {
  requireScope(requireTokenView(context.caller), scope, 'instagram_business_content_publish');
  const { call } = context;
  const source =
    call.params.get('image_url') ??
    call.params.get('video_url') ??
    call.params.get('children') ??
    call.params.get('upload_type') ??
    call.params.get('text');
  if (source === undefined) throw oauthError(100, '(#100) The parameter image_url is required');
  const post = addPost(context, '', call.params.get('caption') ?? call.params.get('text') ?? '');
  // Videos take a while; a resumable upload must complete first.
  if (call.params.has('video_url')) post.pendingChecks = 2;
  if (call.params.get('upload_type') !== 'resumable') return ok({ id: post.id });
  post.awaitsUpload = true;
  return ok({
    id: post.id,
    uri: `${context.state.publicUrl}/rupload.facebook.com/ig-api-upload/${call.version}/${post.id}`,
  });
}

export function publish(context: EdgeContext): MetaResponse {
  requireTokenView(context.caller);
  const creation = context.call.params.get('creation_id');
  if (creation === undefined) throw oauthError(100, '(#100) The parameter creation_id is required');
  const container = context.state.store.posts.get(creation);
  if (container === undefined) throw oauthError(100, '(#100) Media ID is not available', { subcode: 2207027 });
  if (!isFinished(container))
    throw oauthError(9007, 'The media is not ready for publishing, please wait for a moment', { subcode: 2207027 });
  return ok({ id: addPost(context, '', container.message).id });
}
