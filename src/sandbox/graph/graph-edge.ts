import type { GraphCall } from '../http/graph-call.ts';
import type { MetaResponse } from '../http/meta-response.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import type { GraphCaller } from '../tokens/graph-caller.ts';
import { type FieldChoice, type NodeView, parseFields, showNode } from './field-selection.ts';
import type { GraphNode } from './node-type.ts';
import { pageOf } from './paging.ts';

export interface EdgeContext {
  state: SandboxState;
  call: GraphCall;
  caller: GraphCaller;
  node: GraphNode;
  /** Path segments after the edge, as in `/me/permissions/email`. */
  rest: string[];
}

type EdgeHandler = (context: EdgeContext) => MetaResponse | Promise<MetaResponse>;

/** Handlers by `METHOD type/edge`. */
export type EdgeTable = Record<string, EdgeHandler>;

/** Serves a list edge with cursor paging and `fields` or the edge's defaults. */
export function listNodes<T>(
  context: EdgeContext,
  edge: string,
  items: T[],
  view: (item: T) => NodeView,
  defaults?: FieldChoice[],
): MetaResponse {
  const { state, call, node } = context;
  const fields = parseFields(call.params.get('fields')) ?? defaults ?? null;
  const json = pageOf(
    call,
    `${state.publicUrl}/${call.host}`,
    `${node.id}/${edge}`,
    items,
    (item) => view(item).id,
    (item) => showNode(view(item), fields),
  );
  return { status: 200, json };
}
