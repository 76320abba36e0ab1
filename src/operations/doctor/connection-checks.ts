import type { Flow } from '../../config/products.ts';
import { type ConnectionCount, countConnections } from '../../connections/connection/connection-counts.query.ts';
import type { SqlExecutor } from '../../database/statement.ts';
import { missingScopes } from '../../meta/dialog/product-scopes.ts';
import { attention, type Finding, fine } from './finding.ts';

const SHOWN = 5;

/** Names connections that only a new login can fix, with the first few ids. */
export async function checkConnections(executor: SqlExecutor): Promise<Finding[]> {
  const groups = await countConnections(executor, SHOWN);
  const all = total(groups);
  const reauthRequired = groups.filter(({ status }) => status === 'reauth_required');
  const incomplete = groups.filter(({ status, lacks }) => status === 'active' && lacks);
  const missingScopesGroups = groups.filter((group) => group.status === 'active' && !group.lacks && lacksScopes(group));
  const findings: Finding[] = [];
  if (reauthRequired.length > 0) {
    const detail = `${total(reauthRequired)} of ${all} connections need a new login: ${named(reauthRequired)}.`;
    findings.push(attention('connections', detail, 'Create a connect session for each and send its user through it.'));
  }
  if (incomplete.length > 0) {
    const detail = `${total(incomplete)} active connections are incomplete: ${named(incomplete)}.`;
    findings.push(attention('connections', detail, 'See status_reason.remedy of GET /v1/connections/{id}.'));
  }
  if (missingScopesGroups.length > 0) {
    const count = total(missingScopesGroups);
    const detail = `${count} active connections lack required scopes: ${named(missingScopesGroups)}.`;
    findings.push(attention('connections', detail, 'Connect again: the dialog asks again for declined scopes.'));
  }
  return findings.length > 0 ? findings : [fine('connections', `${all} live, none needs a user`)];
}

/** Instagram's refreshed and imported tokens may come without scopes: no known scopes does not mean none granted. */
function lacksScopes({ product, flow, scopes }: Pick<ConnectionCount, 'product' | 'flow' | 'scopes'>): boolean {
  return scopes.length > 0 && missingScopes(product, flow as Flow, scopes).length > 0;
}

function total(groups: readonly ConnectionCount[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}

function named(groups: readonly ConnectionCount[]): string {
  const ids = groups.flatMap((group) => group.ids).sort();
  const shown = ids.slice(0, SHOWN).join(', ');
  return total(groups) > SHOWN ? `${shown} and others` : shown;
}
