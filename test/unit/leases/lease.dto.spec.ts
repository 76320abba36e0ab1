import fc from 'fast-check';
import { LeaseRequest } from '../../../src/leases/lease.dto.ts';
import { LeaseBatchRequest } from '../../../src/leases/lease-batch.dto.ts';
import { InputValidationPipe } from '../../../src/platform/http-server/input-validation.pipe.ts';

const pipe = new InputValidationPipe();
const plainly = LeaseRequest.isPlainlyValid;

/** Validates with the decorators alone, bypassing the quick check. */
async function isValid(body: object): Promise<boolean> {
  class Described extends LeaseRequest {
    static override isPlainlyValid(): boolean {
      return false;
    }
  }
  return pipe.transform(body, { type: 'body', metatype: Described }).then(
    () => true,
    () => false,
  );
}

const odd = fc.oneof(
  fc.constantFrom('', 'a b', 'ä', 'x'.repeat(129), 'act_1', '17841400000000001', 'con_01jd', `con_${'0'.repeat(26)}`),
  fc.constantFrom('gateway', 'token', 'pages', 'ads', 'tenant-a', 'GATEWAY'),
  fc.constantFrom(0, 1, 900, 3600, 2 ** 31 - 1, 2 ** 31, -1, 1.5, Number.NaN),
  fc.constantFrom(true, [], ['a'], {}),
);

describe('the quick check of a lease request', () => {
  it('accepts nothing that the rules reject', async () => {
    const names = [
      'tenant',
      'product',
      'connection_id',
      'asset_id',
      'mode',
      'ttl_seconds',
      'min_valid_seconds',
      'other',
    ];
    const bodies = fc.dictionary(fc.constantFrom(...names), odd);
    await fc.assert(
      fc.asyncProperty(bodies, async (given) => {
        const body = { tenant: 'tenant-a', product: 'pages', ...given };
        expect(plainly(body)).toBe(await isValid(body));
      }),
      { numRuns: 500 },
    );
  });

  it('rejects a body without tenant or product, or that is not an object', () => {
    for (const body of [{}, { tenant: 'a' }, { product: 'pages' }, null, 'x', []]) expect(plainly(body)).toBe(false);
  });
});

describe('the quick check of a batch', () => {
  class Described extends LeaseBatchRequest {
    static override isPlainlyValid(): boolean {
      return false;
    }
  }

  it.each<[unknown, boolean]>([
    [{ requests: [{ tenant: 'a' }] }, true],
    [{ requests: Array(100).fill({}) }, true],
    [{ requests: Array(101).fill({}) }, false],
    [{ requests: [] }, false],
    [{ requests: 'x' }, false],
    [{ requests: [{}], other: 1 }, false],
    [{}, false],
  ])('says of %j what the rules say', async (body, isValid) => {
    expect(LeaseBatchRequest.isPlainlyValid(body)).toBe(isValid);
    const checked = pipe.transform(body, { type: 'body', metatype: Described });
    expect(
      await checked.then(
        () => true,
        () => false,
      ),
    ).toBe(isValid);
  });

  it('rejects what is not an object', () => {
    for (const body of [null, 'x', undefined]) expect(LeaseBatchRequest.isPlainlyValid(body)).toBe(false);
  });
});
