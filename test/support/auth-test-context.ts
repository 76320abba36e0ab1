import request from 'supertest';
import type { Database } from '../../src/database/database.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { type AccessApp, BOOTSTRAP_KEY, startAccessApp } from './auth-app.ts';
import { openFreshDatabase } from './fresh-database.ts';
import { assemble } from './open-resources.ts';

/** Access and audit on a database of their own. */
export interface AccessStage extends AccessApp {
  database: Database;
  /** A call with a key, which is the bootstrap admin's unless it is given. */
  send(method: 'get' | 'post' | 'patch' | 'delete', path: string, body?: object | string, key?: string): request.Test;
  close(): Promise<void>;
}

export function accessStage(clock: Clock, options: Parameters<typeof startAccessApp>[2] = {}): Promise<AccessStage> {
  return assemble(async (keep) => {
    const { database } = keep(await openFreshDatabase());
    const access = await startAccessApp(database, clock, options);
    keep(access.app);
    const send: AccessStage['send'] = (method, path, body, key = BOOTSTRAP_KEY) => {
      const sent = request(access.app.getHttpServer())[method](path).set('Authorization', `Bearer ${key}`);
      return body === undefined ? sent : sent.set('Content-Type', 'application/json').send(body);
    };
    return { ...access, database, send };
  });
}
