import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import type { ConsoleSession } from './api/client.ts';
import type { IconName } from './components/icon.tsx';
import type { Messages } from './messages/messages.ts';

export const PAGE_GROUPS = ['tokens', 'access', 'operations'] as const;

/** A page of the console. Its code is loaded when it is first shown. */
export interface PageEntry {
  /** Below `/console`. */
  path: string;
  name: keyof Messages['pages'];
  group: (typeof PAGE_GROUPS)[number];
  /** Absent: not in the navigation. */
  icon?: IconName;
  /** Absent: every role that may sign in. */
  roles?: readonly ConsoleSession['role'][];
  component: LazyExoticComponent<ComponentType>;
}

/** Whether a role may see the page. To other roles, the page does not exist. */
export function isPageFor(role: ConsoleSession['role'], { roles }: PageEntry): boolean {
  return roles?.includes(role) ?? true;
}

type Loader<K extends string> = () => Promise<Record<K, ComponentType>>;

function page<K extends string>(exportName: K, load: Loader<K>): LazyExoticComponent<ComponentType> {
  return lazy(async () => ({ default: (await load())[exportName] }));
}

const overview = page('OverviewPage', () => import('./pages/overview/overview-page.tsx'));
const connections = page('ConnectionsPage', () => import('./pages/connections/connections-page.tsx'));
const connection = page('ConnectionPage', () => import('./pages/connection/connection-page.tsx'));

const clients = page('ClientsPage', () => import('./pages/clients/clients-page.tsx'));
const client = page('ClientPage', () => import('./pages/clients/client-page.tsx'));
const subscriptions = page('SubscriptionsPage', () => import('./pages/subscriptions/subscriptions-page.tsx'));
const subscription = page('SubscriptionPage', () => import('./pages/subscriptions/subscription-page.tsx'));
const leases = page('LeasesPage', () => import('./pages/leases/leases-page.tsx'));
const audit = page('AuditPage', () => import('./pages/audit/audit-page.tsx'));
const keys = page('KeysPage', () => import('./pages/keys/keys-page.tsx'));
const apps = page('AppsPage', () => import('./pages/apps/apps-page.tsx'));
const app = page('AppPage', () => import('./pages/apps/app-page.tsx'));
const doctor = page('DoctorPage', () => import('./pages/doctor/doctor-page.tsx'));
const settings = page('SettingsPage', () => import('./pages/settings/settings-page.tsx'));
const sessions = page('SessionsPage', () => import('./pages/sessions/sessions-page.tsx'));

const ADMINS = ['admin'] as const;
const READERS_OF_ALL = ['admin', 'auditor'] as const;

/** All pages, in the order of the navigation. */
export const PAGES: readonly PageEntry[] = [
  { path: '/', name: 'overview', group: 'tokens', icon: 'overview', roles: READERS_OF_ALL, component: overview },
  { path: '/connections', name: 'connections', group: 'tokens', icon: 'connections', component: connections },
  { path: '/connections/:id', name: 'connection', group: 'tokens', component: connection },
  { path: '/leases', name: 'leases', group: 'tokens', icon: 'leases', roles: READERS_OF_ALL, component: leases },
  { path: '/clients', name: 'clients', group: 'access', icon: 'clients', roles: ADMINS, component: clients },
  { path: '/clients/:id', name: 'client', group: 'access', roles: ADMINS, component: client },
  { path: '/apps', name: 'apps', group: 'access', icon: 'apps', component: apps },
  { path: '/apps/:id', name: 'app', group: 'access', component: app },
  { path: '/sessions', name: 'sessions', group: 'access', icon: 'sessions', component: sessions },
  {
    path: '/subscriptions',
    name: 'subscriptions',
    group: 'operations',
    icon: 'subscriptions',
    roles: ADMINS,
    component: subscriptions,
  },
  { path: '/subscriptions/:id', name: 'subscription', group: 'operations', roles: ADMINS, component: subscription },
  { path: '/audit', name: 'audit', group: 'operations', icon: 'audit', component: audit },
  { path: '/keys', name: 'keys', group: 'operations', icon: 'keys', roles: READERS_OF_ALL, component: keys },
  { path: '/doctor', name: 'doctor', group: 'operations', icon: 'doctor', roles: ADMINS, component: doctor },
  { path: '/settings', name: 'settings', group: 'operations', icon: 'settings', roles: ADMINS, component: settings },
];
