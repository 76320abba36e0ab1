import { createContext, useContext } from 'react';
import type { ConsoleSession } from '../api/client.ts';

export const SessionContext = createContext<ConsoleSession | null>(null);

/** The session that the page is shown to, which may have ended in the meantime. */
export function useSession(): ConsoleSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('There is no SessionGate above.');
  return session;
}

/** Whether to offer all changes. The service checks each one again. */
export function useCanChange(): boolean {
  return useSession().role === 'admin';
}

/** Whether apps may be added and changed, and connections revoked and reconnected: tenant admins may do so as well. */
export function useCanManageTenants(): boolean {
  const { role } = useSession();
  return role === 'admin' || role === 'tenant_admin';
}
