import { Injectable } from '@nestjs/common';
import type { SqlExecutor } from '../database/statement.ts';
import type { AuditAction } from './audit-action.ts';

/** Objects that can't come into being without an audit entry that names them. */
export interface AuditedKind {
  /** What they are called, in the plural. */
  name: string;
  /** Where entries name them, which decides how entries are found. */
  namedAs: 'connection' | 'client' | 'subject';
  /** What the entry of their making says. */
  action: AuditAction;
  /** Up to `limit` of their ids behind `after`, in order; the time of their making is in the id. */
  list(executor: SqlExecutor, after: string, limit: number): Promise<string[]>;
}

/** The kinds of objects from which a verification sees that entries are missing. Every module adds its own. */
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
