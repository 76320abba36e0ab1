import { expect } from '@jest/globals';

/** The error of this class that work ends in; the test fails where it ends in none, or in another. */
export async function catchError<E extends Error>(
  errorClass: abstract new (...given: never[]) => E,
  work: Promise<unknown>,
): Promise<E> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(errorClass);
  return error as E;
}
