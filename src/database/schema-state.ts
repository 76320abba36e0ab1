/** How the schema and this build match. */
export interface SchemaState {
  /** Migrations of this build that have not run. */
  readonly missing: readonly string[];
  /** Migrations of newer builds that have run: fine, unless one of them has removed what this build uses. */
  readonly newer: readonly string[];
  /** Migrations that a build must have to work with this schema, and that this build lacks. */
  readonly unmet: readonly string[];
}

/** Compares the build's migrations with those that ran, and with what contracting migrations require. */
export function judgeSchema(own: readonly string[], ran: ReadonlySet<string>, needs: readonly string[]): SchemaState {
  const ours = new Set(own);
  return {
    missing: own.filter((name) => !ran.has(name)),
    newer: [...ran].filter((name) => !ours.has(name)),
    unmet: needs.filter((name) => !ours.has(name)),
  };
}
