import type { AuditedKind } from '../audit/audited-objects.ts';
import { listClientIds } from '../auth/client.repository.ts';
import { BOOTSTRAP_CLIENT_ID } from './bootstrap-admin.ts';

/** Every client has an entry about its creation, except the bootstrap admin. */
export const AUDITED_CLIENTS: AuditedKind = {
  name: 'clients',
  namedAs: 'client',
  action: 'client.created',
  list: (executor, after, limit) => listClientIds(executor, after === '' ? BOOTSTRAP_CLIENT_ID : after, limit),
};
