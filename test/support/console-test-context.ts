import request, { type Response, type Test } from 'supertest';
import type { Database } from '../../src/database/database.ts';
import { TEST_ADMIN_KEY, type TestReplica } from './test-replica.ts';

/** The origin of `PUBLIC_URL` in tests. */
export const OWN_ORIGIN = 'http://localhost:3000';

type Method = 'get' | 'post' | 'patch' | 'delete';

/** Calls a replica as a page of the console does: with a browser's cookies, and our origin. */
export class ConsoleBrowser {
  /** By name. */
  readonly cookies = new Map<string, string>();

  constructor(private readonly replica: Pick<TestReplica, 'app'>) {}

  /** The value of the session's cookie. */
  get session(): string {
    return this.cookies.get('__Host-metavault_console') ?? '';
  }

  async send(method: Method, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    const call: Test = request(this.replica.app.getHttpServer())[method](path);
    if (method !== 'get') call.set('Origin', OWN_ORIGIN);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (cookie !== '') call.set('Cookie', cookie);
    const response = await call.set(headers).send(body);
    this.keep(response);
    return response;
  }

  signIn(credential: { key: string } | { link: string }): Promise<Response> {
    return this.send('post', '/v1/console/sessions', credential);
  }

  /** Stores cookies as a browser does. */
  private keep({ headers }: Response): void {
    for (const line of [headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = '', maxAge = ''] = /^([^=]+)=([^;]*); Max-Age=(\d+)/.exec(String(line)) ?? [];
      if (maxAge === '0') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}

/** Calls with a key, by default the bootstrap admin's. */
export function callWithKey(
  { app }: Pick<TestReplica, 'app'>,
  method: Method,
  path: string,
  body?: object,
  key = TEST_ADMIN_KEY,
): Test {
  return request(app.getHttpServer())[method](path).set('Authorization', `Bearer ${key}`).send(body);
}

interface Entry {
  action: string;
  actor_kind: string;
  actor_id: string | null;
  subject_id: string | null;
  connection_id: string | null;
  details: Record<string, unknown>;
}

/** Audit entries of these actions, oldest first. */
export function readEntries(database: Database, ...actions: string[]): Promise<Entry[]> {
  return database.rows<Entry & Record<string, unknown>>({
    text: `SELECT action, actor_kind, actor_id, subject_id, connection_id, details FROM audit_entry
      WHERE action = ANY ($1) ORDER BY id`,
    values: [actions],
  });
}
