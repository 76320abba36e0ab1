import type { AuditedKind } from '../audit/audited-objects.ts';
import { listClientIds } from '../auth/client.repository.ts';
import { BOOTSTRAP_CLIENT_ID } from './bootstrap-admin.ts';

/** Every client but the one that a start makes has an entry: that it was created. */
export const AUDITED_CLIENTS: AuditedKind = {
  name: 'clients',
  namedAs: 'client',
  action: 'client.created',
  list: (executor, after, limit) => listClientIds(executor, after === '' ? BOOTSTRAP_CLIENT_ID : after, limit),
};
