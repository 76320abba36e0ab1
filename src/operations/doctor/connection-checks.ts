import type { Product } from '../../config/config.ts';
import type { Sql } from '../../database/database.ts';
import { type Flow, missingScopes } from '../../meta/product-scopes.ts';
import { attention, type Finding, fine } from './finding.ts';

interface Group {
  status: 'active' | 'reauth_required';
  lacks: boolean;
  product: Product;
  flow: Flow;
  scopes: string[];
  ids: string[];
}

const SHOWN = 5;

/** Connections that only a person can mend, with the first few ids. */
export async function checkConnections(sql: Sql): Promise<Finding[]> {
  const groups = await sql.rows<Group & Record<string, unknown>>({
    text: `SELECT status, status_reason IS NOT NULL AS lacks, product, flow, scopes, array_agg(id ORDER BY id) AS ids FROM connection
      WHERE status <> 'revoked' GROUP BY status, status_reason IS NOT NULL, product, flow, scopes`,
  });
  const idsOf = (holds: (group: Group) => boolean): string[] => groups.filter(holds).flatMap(({ ids }) => ids);
  const all = idsOf(() => true);
  const dead = idsOf(({ status }) => status === 'reauth_required');
  const toMend = idsOf(({ status, lacks }) => status === 'active' && lacks);
  const unable = idsOf(({ status, lacks, ...group }) => status === 'active' && !lacks && lacksScopes(group));
  const findings: Finding[] = [];
  if (dead.length > 0) {
    const detail = `${dead.length} of ${all.length} connections need a new login of their person: ${named(dead)}.`;
    findings.push(
      attention('connections', detail, 'Create a connect session for each and send its person through it.'),
    );
  }
  if (toMend.length > 0) {
    const detail = `${toMend.length} active connections lack something: ${named(toMend)}.`;
    findings.push(attention('connections', detail, 'See status_reason.remedy of GET /v1/connections/{id}.'));
  }
  if (unable.length > 0) {
    const detail = `${unable.length} active connections lack scopes that their product requires: ${named(unable)}.`;
    findings.push(attention('connections', detail, 'Connect again: the dialog asks anew for what was declined.'));
  }
  return findings.length > 0 ? findings : [fine('connections', `${all.length} live, none needs a person`)];
}

/** Instagram's refreshed and imported tokens may not tell their scopes: none known is not none granted. */
function lacksScopes({ product, flow, scopes }: Pick<Group, 'product' | 'flow' | 'scopes'>): boolean {
  return scopes.length > 0 && missingScopes(product, flow, scopes).length > 0;
}

function named(ids: readonly string[]): string {
  const shown = ids.slice(0, SHOWN).join(', ');
  return ids.length > SHOWN ? `${shown} and others` : shown;
}
