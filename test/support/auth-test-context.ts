import request from 'supertest';
import type { Database } from '../../src/database/database.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { type AuthApp, BOOTSTRAP_KEY, startAuthApp } from './auth-app.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { openResources } from './open-resources.ts';

/** Access and audit on a database of their own. */
export interface AuthTestContext extends AuthApp {
  database: Database;
  /** Calls with a key, by default the bootstrap admin's. */
  send(method: 'get' | 'post' | 'patch' | 'delete', path: string, body?: object | string, key?: string): request.Test;
  close(): Promise<void>;
}

export function openAuthTestContext(
  clock: Clock,
  { databasePatience, ...options }: Parameters<typeof startAuthApp>[2] & { databasePatience?: number } = {},
): Promise<AuthTestContext> {
  return openResources(async (closeLater) => {
    const { database } = closeLater(await openFreshDatabase(databasePatience));
    const access = await startAuthApp(database, clock, options);
    closeLater(access.app);
    const send: AuthTestContext['send'] = (method, path, body, key = BOOTSTRAP_KEY) => {
      const sent = request(access.app.getHttpServer())[method](path).set('Authorization', `Bearer ${key}`);
      return body === undefined ? sent : sent.set('Content-Type', 'application/json').send(body);
    };
    return { ...access, database, send };
  });
}
