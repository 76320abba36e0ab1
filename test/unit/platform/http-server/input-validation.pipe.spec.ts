import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, Min, ValidateNested } from 'class-validator';
import { InputValidationPipe } from '../../../../src/platform/http-server/input-validation.pipe.ts';
import { AppError, invalidInputError } from '../../../../src/platform/problem.ts';

class Item {
  @IsString()
  url!: string;
}

class Order {
  @IsString()
  tenant!: string;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Item)
  items?: Item[];
}

class PageOf {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  limit: number = 50;
}

const pipe = new InputValidationPipe();
const body = (value: unknown) => pipe.transform(value, { type: 'body', metatype: Order });
const query = (value: unknown) => pipe.transform(value, { type: 'query', metatype: PageOf });

async function paths(work: Promise<unknown>): Promise<string[]> {
  const error = await work.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!(error instanceof AppError)) throw new Error('was not refused', { cause: error });
  expect(error.code).toBe('invalid_request');
  return (error.occurrence.errors ?? []).map(({ path }) => path);
}

describe('InputValidationPipe', () => {
  it('returns an instance for valid input', async () => {
    await expect(body({ tenant: 't', items: [{ url: 'u' }] })).resolves.toBeInstanceOf(Order);
  });

  it('names the place of each fault', async () => {
    expect(await paths(body({ tenant: 1, items: [{ url: 'u' }, { url: 2 }] }))).toEqual(['tenant', 'items[1].url']);
  });

  it('rejects unknown body fields at any depth', async () => {
    expect(await paths(body({ tenant: 't', ten: 1, items: [{ url: 'u', extra: 1 }] }))).toEqual([
      'ten',
      'items[0].extra',
    ]);
  });

  it('never repeats more than 100 characters', async () => {
    const name = 'x'.repeat(5_000);
    const error = await body({ tenant: 't', [name]: name, items: [{ url: 'u', [name]: name }] }).catch(
      (e: unknown) => e,
    );
    const { detail, occurrence } = error as AppError;
    expect(occurrence.errors).toHaveLength(2);
    expect(JSON.stringify(occurrence.errors)).not.toContain('x'.repeat(101));
    expect(detail).not.toContain('x'.repeat(101));
    expect(invalidInputError(name, 'is wrong').detail).toBe(`${'x'.repeat(99)}… is wrong`);
  });

  it('treats a missing body as an empty one', async () => {
    expect(await paths(body(undefined))).toEqual(['tenant']);
  });

  it('ignores unknown query parameters and converts numbers', async () => {
    await expect(query({ limit: '7', utm: 'x' })).resolves.toEqual({ limit: 7 });
  });

  it.each(['0', '201', '1.5', 'x', '', ['1', '2']])('rejects limit=%j', async (limit) => {
    expect(await paths(query({ limit }))).toEqual(['limit']);
  });
});
