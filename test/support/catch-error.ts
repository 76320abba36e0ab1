import { expect } from '@jest/globals';

/** Returns the error of this class that the work ends with. Fails the test if it ends with none, or with another. */
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
