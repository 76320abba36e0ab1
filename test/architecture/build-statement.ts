import type { Sql } from 'sql-template-tag';
import type { RegisteredStatement } from '../../src/database/statement.ts';

/** The statement with a variant's parameters, and a placeholder for each parameter it leaves open. */
export function buildStatement({ build: buildSql }: RegisteredStatement, variant: object): Sql {
  const parameters = new Proxy(variant, {
    get: (target, name) => (name in target ? Reflect.get(target, name) : `placeholder of ${String(name)}`),
  });
  return buildSql(parameters as never);
}
