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
  /** Absent: it is not in the navigation. */
  icon?: IconName;
  /** Absent: every role that may sign in. */
  roles?: readonly ConsoleSession['role'][];
  component: LazyExoticComponent<ComponentType>;
}

/** Whether a role may see the page. Others' addresses are not found. */
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

const READERS_OF_ALL = ['admin', 'auditor'] as const;

/** All pages, in the order of the navigation. */
export const PAGES: readonly PageEntry[] = [
  { path: '/', name: 'overview', group: 'tokens', icon: 'overview', roles: READERS_OF_ALL, component: overview },
  { path: '/connections', name: 'connections', group: 'tokens', icon: 'connections', component: connections },
  { path: '/connections/:id', name: 'connection', group: 'tokens', component: connection },
];
