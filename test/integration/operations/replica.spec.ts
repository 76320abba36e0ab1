import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { startTestReplica, type TestReplica } from '../../support/test-replica.ts';

let replica: TestReplica;

beforeAll(async () => {
  replica = await startTestReplica();
});

afterAll(() => replica.close());

const http = () => request(replica.app.getHttpServer());

describe('what every response has', () => {
  it('answers an unknown path with a problem', async () => {
    const response = await http().get('/nothing/here');
    expect(response.status).toBe(404);
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(response.body).toMatchObject({
      type: '/problems/not_found',
      status: 404,
      code: 'not_found',
      request_id: response.headers['x-request-id'],
    });
  });

  it('takes over a request id that has the form of one, and no other', async () => {
    const kept = await http().get('/nothing').set('X-Request-Id', 'edge-42.a_B');
    expect(kept.headers['x-request-id']).toBe('edge-42.a_B');
    const made = await http().get('/nothing').set('X-Request-Id', 'a b<script>');
    expect(made.headers['x-request-id']).toMatch(/^req_[0-9a-z]{26}$/);
  });

  it('keeps responses under /v1 and /graph out of caches, those of unknown paths too', async () => {
    for (const path of ['/v1/nothing', '/graph/v26.0/nothing']) {
      expect((await http().get(path)).headers['cache-control']).toBe('no-store');
    }
  });

  it('refuses a URL that does not decode', async () => {
    for (const path of ['/%zz', '/v1/%ff%fe']) {
      const response = await http().get(path);
      expect(response.status).toBe(400);
      expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      expect(response.headers['x-request-id']).toBeDefined();
      expect(response.body).toMatchObject({ code: 'invalid_request', status: 400 });
    }
  });
});
