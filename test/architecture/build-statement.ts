import type { Sql } from 'sql-template-tag';
import type { RegisteredStatement } from '../../src/database/statement.ts';

/** The statement with the parameters of a variant, and a placeholder for each parameter that the variant leaves open. */
export function buildStatement({ build: buildSql }: RegisteredStatement, variant: object): Sql {
  const parameters = new Proxy(variant, {
    get: (target, name) => (name in target ? Reflect.get(target, name) : `placeholder of ${String(name)}`),
  });
  return buildSql(parameters as never);
}
