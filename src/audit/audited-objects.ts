import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../database/statement.ts';
import type { AuditAction } from './audit-action.ts';

/** A kind of object whose creation always writes an audit entry that names it. */
export interface AuditedKind {
  /** Plural. */
  name: string;
  /** The column that names them, which decides how entries are found. */
  namedAs: 'connection' | 'client' | 'subject';
  /** The action of the entry about their creation. */
  action: AuditAction;
  /** Returns up to `limit` ids after `after`, in order. Ids contain the time of creation. */
  list(executor: SqlExecutor, after: string, limit: number): Promise<string[]>;
}

/** Registry of the kinds that a verification checks for missing entries. Modules add their own. */
@Injectable()
export class AuditedObjects {
  readonly #kinds: AuditedKind[] = [];

  get kinds(): readonly AuditedKind[] {
    return this.#kinds;
  }

  register(kind: AuditedKind): void {
    this.#kinds.push(kind);
  }
}
