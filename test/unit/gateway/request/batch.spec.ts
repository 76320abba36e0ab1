import { describe, expect, it } from '@jest/globals';
import { GatewayError } from '../../../../src/gateway/gateway-error.ts';
import { parseBatch, rewriteBatch } from '../../../../src/gateway/request/batch.ts';

const credentials = async (lease: string | null) => {
  if (lease === null) return { accessToken: null, proof: 'PROOF' };
  if (lease === 'mtl_page') return { accessToken: 'EAAPAGE', proof: 'PAGEPROOF' };
  throw new GatewayError('lease_invalid');
};
const rewrite = async (item: unknown) => (await rewriteBatch([item], credentials))[0];
const refusal = async (item: unknown) => {
  try {
    await rewrite(item);
  } catch (error) {
    return (error as GatewayError).code;
  }
  return 'passes';
};

describe('an item', () => {
  it('gets the proof, and keeps its text', async () => {
    expect(
      await rewrite({
        method: 'get',
        relative_url: '/v26.0/me?fields=id%2Cname',
        name: 'a',
        omit_response_on_success: false,
      }),
    ).toEqual({
      method: 'GET',
      relative_url: 'v26.0/me?fields=id%2Cname&appsecret_proof=PROOF',
      name: 'a',
      omit_response_on_success: false,
    });
  });

  it("gets its own lease's token and proof where it named the lease", async () => {
    expect(await rewrite({ relative_url: 'me?access_token=mtl_page&appsecret_proof=x&a=b' })).toEqual({
      method: 'GET',
      relative_url: 'me?a=b&access_token=EAAPAGE&appsecret_proof=PAGEPROOF',
    });
    expect(
      await rewrite({ method: 'POST', relative_url: 'me/feed?x=y', body: 'message=hi+there&access_token=mtl_page' }),
    ).toEqual({
      method: 'POST',
      relative_url: 'me/feed?x=y',
      body: 'message=hi+there&access_token=EAAPAGE&appsecret_proof=PAGEPROOF',
    });
    expect(await refusal({ relative_url: 'me?access_token=EAAsomething' })).toBe('lease_invalid');
    expect(await refusal({ relative_url: 'me?access_token=mtl_page', body: 'access_token=mtl_other' })).toBe(
      'invalid_request',
    );
  });

  it('may take over ids of others, and values in parameters', async () => {
    const ids = '?ids={result=friends:$.data.*.id}';
    expect(await rewrite({ relative_url: ids })).toMatchObject({ relative_url: `${ids}&appsecret_proof=PROOF` });
    expect(await rewrite({ relative_url: '{result=a:$.id}/photos' })).toMatchObject({
      relative_url: '{result=a:$.id}/photos?appsecret_proof=PROOF',
    });
  });

  it('may take over plain values in its body', async () => {
    const body = 'media_fbid={result=photo:$.data.0.id}&message=by+{result=me:$.name}';
    expect(await rewrite({ method: 'POST', relative_url: 'me/feed', body })).toMatchObject({
      body: `${body}&appsecret_proof=PROOF`,
    });
  });

  it('loses members and headers that are not listed', async () => {
    expect(
      await rewrite({
        relative_url: 'me',
        access_token: 'x',
        batch: [],
        headers: ['Authorization: Bearer x', 'If-None-Match: "a"', 'Accept-Language: de'],
      }),
    ).toEqual({ method: 'GET', relative_url: 'me?appsecret_proof=PROOF', headers: ['Accept-Language: de'] });
  });

  it.each([
    [{ method: 'DELETE', relative_url: 'me/permissions' }],
    [{ method: 'POST', relative_url: 'me/permissions?method=DELETE' }],
    [{ method: 'POST', relative_url: 'me/permissions', body: '%6dethod=delete' }],
    [{ method: 'POST', relative_url: 'me/permissions', body: '{"method":"delete"}' }],
    [{ method: 'POST', relative_url: 'me/permissions', body: { method: 'delete' } }],
    [{ method: 'POST', relative_url: 'me/permissions?a={result=x:$.message}' }],
    [{ method: 'POST', relative_url: 'me/feed', body: 'message={result=a:$.data.0.access_token}' }],
    [{ method: 'POST', relative_url: 'me/feed', body: 'message=%7Bresult%3Da%3A%24.data.*.access_token%7D' }],
    [{ method: 'POST', relative_url: 'me/feed', body: { message: '{result=a:$.access_token}' } }],
    [{ method: 'POST', relative_url: 'me/feed', body: '{"message":"\\u007bresult=a:$.paging.next}"}' }],
    [{ method: 'POST', relative_url: 'me/feed?message={result=a:$.data.*}' }],
    [{ method: 'POST', relative_url: 'me/feed?message={result=a:$}' }],
    [{ method: 'POST', relative_url: 'me/feed?message={result=a:$..id}' }],
    [{ method: 'POST', relative_url: 'me/feed?message={ result=a:$.access_token}' }],
    [{ relative_url: 'me?fields=accounts.as(id){access_token}' }],
    [{ relative_url: 'me/accounts?fields=access_token.as(shown)' }],
    [{ relative_url: 'oauth/access_token' }],
    [{ relative_url: '/v26.0/%6Fauth/access_token' }],
    [{ relative_url: 'https://graph.facebook.com/me' }],
    [{ relative_url: '//evil.test/me' }],
    [{ relative_url: '../oauth' }],
    [{ relative_url: 'me?batch=[]' }],
    [{ relative_url: '{result=a:$.message}' }],
    [{ relative_url: 'x{result=a:$.id}/photos' }],
  ])('is refused: %j', async (item) => expect(await refusal(item)).toBe('path_not_allowed'));

  it.each([
    ['me'],
    [null],
    [{}],
    [{ relative_url: 1 }],
    [{ relative_url: 'me#a' }],
    [{ relative_url: 'me?a=%zz' }],
    [{ method: ['DELETE'], relative_url: 'me' }],
    [{ relative_url: 'me', body: 3 }],
    [{ method: 'POST', relative_url: 'me', body: '{broken' }],
    [{ relative_url: 'me?{result=a:$.id}=x' }],
  ])('is unreadable: %j', async (item) => expect(await refusal(item)).toBe('invalid_request'));
});

describe('a batch', () => {
  it('is a string of JSON or an array, of each name once', async () => {
    expect(parseBatch('[]')).toEqual([]);
    expect(parseBatch([1])).toEqual([1]);
    expect(() => parseBatch('[{"method":"GET","method":"DELETE"}]')).toThrow(GatewayError);
    await expect(rewriteBatch({ 0: {} }, credentials)).rejects.toThrow(GatewayError);
  });
});
