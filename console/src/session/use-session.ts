import { createContext, useContext } from 'react';
import type { ConsoleSession } from '../api/client.ts';

export const SessionContext = createContext<ConsoleSession | null>(null);

/** The session that the page is shown to, which may have ended meanwhile. */
export function useSession(): ConsoleSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('There is no SessionGate above.');
  return session;
}

/** Whether all changes may be offered. The service decides again at each. */
export function useCanChange(): boolean {
  return useSession().role === 'admin';
}

/** Whether apps may be added and changed, and connections revoked and connected again: also by admins of tenants. */
export function useCanManageTenants(): boolean {
  const { role } = useSession();
  return role === 'admin' || role === 'tenant_admin';
}
