import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { signedRequest } from '../../src/sandbox/state/callback-sender.ts';
import { PrivacyRequestService } from '../../src/webhooks/privacy-requests/privacy-request.service.ts';
import type { PrivacyRequestKind } from '../../src/webhooks/privacy-requests/privacy-request-mac.ts';
import { PrivacyRequestProcessor } from '../../src/webhooks/privacy-requests/privacy-request-processor.ts';
import { PrivacyRequestResumeJob } from '../../src/webhooks/privacy-requests/privacy-request-resume.job.ts';
import { type LifecycleTestContext, openLifecycleTestContext } from '../support/lifecycle-test-context.ts';
import type { TestReplica } from '../support/test-replica.ts';

let context: LifecycleTestContext;
let other: TestReplica;
beforeAll(async () => {
  context = await openLifecycleTestContext();
  other = await context.startAnotherReplica();
});
afterAll(() => context?.close());

/** Somebody with write access to the database, but no key. */
const attack = (text: string, ...values: unknown[]) => context.database.run({ text, values });
const resume = async () => {
  context.clock.advance(31);
  for (const { app } of [context.replica, other]) await app.get(PrivacyRequestResumeJob).resumeUnfinished();
};
const post = (path: string, text: string) =>
  request(context.replica.app.getHttpServer())
    .post(`/webhooks/meta/${path}`)
    .type('form')
    .send({ signed_request: text });
const statusOf = async (code: string) => {
  const responses = await Promise.all(
    [context.replica, other].map(({ app }) =>
      request(app.getHttpServer()).get(`/data-deletion/${code}`).set('Accept', 'application/json'),
    ),
  );
  return responses.map(({ status, body }) => body.status ?? status);
};
const accept = (kind: PrivacyRequestKind, metaUserId: string) =>
  context.replica.app.get(PrivacyRequestService).accept({
    kind,
    payload: `${kind} of ${metaUserId}`,
    apps: { appIds: [context.sandbox.app.id], fallbackAppIds: [] },
    metaUserId,
    issuedAt: context.clock.now(),
    requestId: 'req_test',
  });
const failures = async () => {
  const { text } = await request(context.replica.app.getHttpServer()).get('/metrics');
  return Number(/^metavault_integrity_failures_total\{table="privacy_request"\} (\d+)$/m.exec(text)?.[1] ?? 0);
};
const signed = (userId: string) =>
  signedRequest(context.sandbox.app.secret, {
    user_id: userId,
    algorithm: 'HMAC-SHA256',
    issued_at: Math.floor(context.clock.now().getTime() / 1000),
  });

describe('a privacy request forged in the database', () => {
  it('revokes and erases nothing', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'written' });
    const before = await failures();
    for (const kind of ['deauthorize', 'data_deletion']) {
      await attack(
        `INSERT INTO privacy_request (id, kind, payload_hash, confirmation_code, app_ids, meta_user_id, issued_at, received_at, mac)
          VALUES ($1::text, $2::text, sha256($1::text::bytea), CASE $2::text WHEN 'data_deletion' THEN 'a' END, $3, $4, $5, $5, $6)`,
        `prq_${kind}`,
        kind,
        [context.sandbox.app.id],
        userId,
        context.clock.now(),
        Buffer.alloc(16),
      );
    }
    await resume();
    expect((await context.connection(id)).status).toBe('active');
    // Each look also finds the forgeries of other tests again.
    expect(await failures()).toBeGreaterThanOrEqual(before + 2);
    await attack(`DELETE FROM privacy_request WHERE id LIKE 'prq_d%_%'`);
  });
});

describe('a privacy request tampered with in the database', () => {
  it.each([
    ['its kind', `kind = 'deauthorize', code_hash = NULL`],
    ['its apps', `app_ids = '{1,2}'`],
    ['its time, to reach connections made later', `issued_at = issued_at + interval '1 year'`],
    ['another user', `meta_user_id = '1', user_secret_id = NULL`],
  ])('with changed %s is not carried out', async (_, columns) => {
    const { id, userId } = await context.importConnection({ tenant: 'changed' });
    const accepted = await accept('data_deletion', userId);
    await attack(`UPDATE privacy_request SET ${columns} WHERE id = $1`, accepted.id);
    await resume();
    expect((await context.connection(id)).status).toBe('active');
    expect(await statusOf(accepted.confirmationCode ?? '')).toEqual([404, 404]);
  });

  it('is reported neither as completed nor as in progress', async () => {
    const { userId } = await context.importConnection({ tenant: 'said' });
    const { id, confirmationCode } = await accept('data_deletion', userId);
    const code = confirmationCode ?? '';
    expect(await statusOf(code)).toEqual(['in_progress', 'in_progress']);
    await attack('UPDATE privacy_request SET completed_at = received_at WHERE id = $1', id);
    expect(await statusOf(code)).toEqual([404, 404]);
    await attack('UPDATE privacy_request SET completed_at = NULL WHERE id = $1', id);
    await resume();
    expect(await statusOf(code)).toEqual(['completed', 'completed']);
    await attack(`UPDATE privacy_request SET completed_at = completed_at - interval '1 day' WHERE id = $1`, id);
    expect(await statusOf(code)).toEqual([404, 404]);
  });

  it('does not pass for another one', async () => {
    const [one, another] = [await accept('data_deletion', '1001'), await accept('data_deletion', '1002')];
    await attack('UPDATE privacy_request SET code_hash = NULL, confirmation_code = $2 WHERE id = $1', another.id, 'x');
    await attack(
      'UPDATE privacy_request SET code_hash = NULL, confirmation_code = $2 WHERE id = $1',
      one.id,
      another.confirmationCode,
    );
    expect(await statusOf(another.confirmationCode ?? '')).toEqual([404, 404]);
  });

  it('is not completed by the replica that was processing it', async () => {
    const accepted = await accept('data_deletion', '1003');
    await attack(`UPDATE privacy_request SET app_ids = '{1}' WHERE id = $1`, accepted.id);
    await context.replica.app.get(PrivacyRequestProcessor).execute(accepted);
    expect(await statusOf(accepted.confirmationCode ?? '')).toEqual([404, 404]);
    expect(await context.audited('data_deletion.completed')).not.toContainEqual(
      expect.objectContaining({ subject_id: accepted.id }),
    );
  });

  it('does not keep the request from being carried out when Meta repeats it', async () => {
    const { id, userId } = await context.importConnection({ tenant: 'repeated' });
    const text = signed(userId);
    const payload = text.slice(text.indexOf('.') + 1);
    const first = await context.replica.app.get(PrivacyRequestService).accept({
      kind: 'data_deletion',
      payload,
      apps: { appIds: [context.sandbox.app.id], fallbackAppIds: [] },
      metaUserId: userId,
      issuedAt: context.clock.now(),
      requestId: 'req_first',
    });
    await attack('UPDATE privacy_request SET completed_at = received_at WHERE id = $1', first.id);
    const { body } = await post('data-deletion', text).expect(200);
    expect(body.confirmation_code).toBe(first.confirmationCode);
    expect((await context.connection(id)).status).toBe('revoked');
    expect(await statusOf(body.confirmation_code)).toEqual(['completed', 'completed']);
  });
});
