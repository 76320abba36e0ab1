import type { GraphCall } from '../http/graph-call.ts';
import { missingObject, oauthError } from '../http/graph-error.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { GraphCaller } from '../tokens/graph-caller.ts';
import { canAccess } from './access.ts';
import type { NodeView } from './field-selection.ts';
import { advanceContainer } from './media-container.ts';
import type { GraphNode } from './node-type.ts';
import {
  adAccountView,
  businessView,
  instagramView,
  pageView,
  phoneView,
  postView,
  principalView,
  reportView,
  wabaView,
} from './node-views.ts';

/** Resolves `me`, `app` and ids. Objects that the caller cannot access do not exist (100/33). */
export function findNode(state: SandboxState, call: GraphCall, caller: GraphCaller, alias: string): GraphNode {
  const id = alias === 'me' ? ownId(caller) : alias === 'app' ? caller.app.id : alias;
  const node = lookUp(state, id);
  if (node === null || !canAccess(state, caller, node)) throw missingObject(call.method, id);
  return node;
}

function ownId(caller: GraphCaller): string {
  if (caller.kind === 'app')
    throw oauthError(2500, 'An active access token must be used to query information about the current user.');
  return caller.view.claims.pageId ?? caller.view.principal.id;
}

function lookUp(state: SandboxState, id: string): GraphNode | null {
  const { store } = state;
  const user = store.principals.get(id);
  if (user !== undefined && (user.kind === 'user' || user.kind === 'system_user'))
    return { type: 'user', id, record: user };
  const page = store.pages.get(id);
  if (page !== undefined && !page.deleted) return { type: 'page', id, record: page };
  const instagram = store.instagramAccounts.get(id);
  if (instagram !== undefined) return { type: 'instagram', id, record: instagram };
  const business = store.businesses.get(id);
  if (business !== undefined) return { type: 'business', id, record: business };
  return lookUpAsset(state, id);
}

function lookUpAsset(state: SandboxState, id: string): GraphNode | null {
  const { store } = state;
  const waba = store.wabas.get(id);
  if (waba !== undefined) return { type: 'waba', id, record: waba };
  const phone = store.phones.get(id);
  if (phone !== undefined) return { type: 'phone', id, record: phone };
  const account = store.adAccounts.get(id);
  if (account !== undefined) return { type: 'adaccount', id, record: account };
  const post = store.posts.get(id);
  if (post !== undefined) return { type: 'post', id, record: post };
  const report = store.reports.get(id);
  if (report !== undefined) return { type: 'report', id, record: report };
  const app = store.apps.get(id);
  return app === undefined ? null : { type: 'app', id, record: app };
}

export function nodeViewOf(state: SandboxState, caller: GraphCaller, node: GraphNode): NodeView {
  const view = caller.kind === 'token' ? caller.view : null;
  switch (node.type) {
    case 'user':
      return principalView(node.record, view);
    case 'page':
      return pageView(
        state,
        node.record,
        view,
        view?.principal.pageRoles.find((role) => role.pageId === node.id),
      );
    case 'instagram':
      return instagramView(node.record);
    case 'business':
      return businessView(node.record);
    case 'waba':
      return wabaView(state, node.record);
    case 'phone':
      return phoneView(node.record);
    case 'adaccount':
      return adAccountView(state, node.record);
    case 'report':
      node.record.looks += 1;
      return reportView(node.record);
    case 'post':
      advanceContainer(state, node.record);
      return postView(node.record);
    case 'app':
      return {
        type: 'Application',
        id: node.id,
        defaults: ['name', 'id'],
        fields: {
          name: node.record.name,
          link: `https://www.facebook.com/games/?app_id=${node.id}`,
          namespace: undefined,
        },
      };
  }
}
