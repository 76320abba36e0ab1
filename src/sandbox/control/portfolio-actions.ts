import type { ManyPages, NewRoles } from '../state/portfolio-factory.ts';
import type { BusinessRecord, PageRecord, PageRole } from '../state/records.ts';
import type { SandboxState } from '../state/sandbox-state.ts';
import { type Body, type ControlAction, number, optional, post, rest, text } from './control-action.ts';
import type { FaultRule } from './fault-script.ts';

/** Pages, portfolios, roles on them, and lists that Meta refuses. */
export const portfolioActions: ControlAction[] = [
  post(
    'businesses',
    '{id?, name?, userIds?, requiresExpiry?, forbidsTokens?, clientPageIds?, clientAdAccountIds?, clientWabaIds?}',
    (s, b) => s.make.business(b as Partial<BusinessRecord>),
  ),
  post('businesses/patch', '{id, ...as businesses}', (s, b) =>
    s.make.patchBusiness(text(b, 'id'), rest(b, 'id') as Partial<BusinessRecord>),
  ),
  post(
    'pages',
    '{id?, name?, category?, categoryList?, instagramId?, businessId?, userIds?, tasks?, throughBusiness?}',
    (s, b) => s.make.page(b as Partial<PageRecord> & NewRoles),
  ),
  post('pages/patch', '{id, name?, instagramId?, businessId?, deleted?}', (s, b) =>
    s.make.patchPage(text(b, 'id'), rest(b, 'id') as Partial<PageRecord>),
  ),
  post(
    'pages/bulk',
    '{count, name?, userId?, tasks?, throughBusiness?, businessId?, relation?: owned|client, instagram?: true} -> ' +
      '{pageIds}',
    (s, b) => ({ pageIds: s.make.pagesInBulk(b as unknown as ManyPages) }),
  ),
  post('roles/set', '{userId, pageId, tasks?: [..] (none: no token for the Page), throughBusiness?}', (s, b) =>
    s.make.role(text(b, 'userId'), text(b, 'pageId'), rest(b, 'userId', 'pageId') as Partial<PageRole>),
  ),
  post('roles/remove', '{userId, pageId}: 190/492', (s, b) => s.removePageRole(text(b, 'userId'), text(b, 'pageId'))),
  post('lists/refuse', '{edge, code?: 200|10, userId?, times?}: undone by faults/clear {id}', (s, b) =>
    refuseList(s, b, { code: b.code === undefined ? 200 : number(b, 'code') }),
  ),
  post(
    'lists/max-limit',
    '{edge, limit, userId?, times?}: code 1 above this limit; undone by faults/clear {id}',
    (s, b) => refuseList(s, b, { limit: number(b, 'limit') }),
  ),
];

function refuseList(state: SandboxState, body: Body, how: { code: number } | { limit: number }): FaultRule {
  const userId = optional(body, 'userId');
  const rule = {
    match: { method: 'GET', pathPattern: `/${text(body, 'edge')}$`, ...(userId === undefined ? {} : { userId }) },
    ...(body.times === undefined ? {} : { times: number(body, 'times') }),
  };
  if ('code' in how) {
    const message = `(#${how.code}) Permissions error`;
    return state.faults.add({ ...rule, fault: { kind: 'graph_error', status: 403, code: how.code, message } });
  }
  const message = "Please reduce the amount of data you're asking for, then retry your request";
  const match = { ...rule.match, limitAbove: how.limit };
  return state.faults.add({ ...rule, match, fault: { kind: 'graph_error', status: 500, code: 1, message } });
}
