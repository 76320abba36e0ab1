import { type ArgumentMetadata, Injectable, type ValidationError, ValidationPipe } from '@nestjs/common';
import { AppError, type InputError, invalidRequest, shortened } from '../problem.ts';

/** Flattens validation errors, with paths such as `items[0].url`. */
export function toInputErrors(errors: readonly ValidationError[], parent = ''): InputError[] {
  return errors.flatMap((error) => {
    const path = shortened(join(parent, error.property));
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      path,
      message: rule === 'whitelistValidation' ? 'is not a field of this body' : message,
    }));
    return [...own, ...toInputErrors(error.children ?? [], path)];
  });
}

function join(parent: string, property: string): string {
  if (parent === '') return property;
  return /^\d+$/.test(property) ? `${parent}[${property}]` : `${parent}.${property}`;
}

function toProblem(errors: ValidationError[]): AppError {
  const found = toInputErrors(errors);
  return new AppError(invalidRequest, { detail: found.map(({ path }) => path).join(', '), errors: found });
}

const SHARED_OPTIONS = {
  transform: true,
  whitelist: true,
  stopAtFirstError: true,
  exceptionFactory: toProblem,
} as const;

/**
 * A hot route's class may offer a cheap check that a body is plainly valid, which skips the general validation, the
 * most expensive part of the request. It returns false if unsure; the general validation then produces the errors.
 */
interface PlainlyValid {
  isPlainlyValid?(body: unknown): boolean;
}

/**
 * Validates bodies and queries against their classes (class-validator). Unknown body fields are rejected, to catch
 * typos; unknown query parameters are ignored, because links pick them up in transit.
 */
@Injectable()
export class InputValidationPipe extends ValidationPipe {
  readonly #query = new ValidationPipe(SHARED_OPTIONS);

  constructor() {
    super({ ...SHARED_OPTIONS, forbidNonWhitelisted: true, forbidUnknownValues: true });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const type = metadata.metatype as PlainlyValid | undefined;
    if (metadata.type === 'body' && type?.isPlainlyValid?.(value) === true) return Promise.resolve(value);
    return metadata.type === 'query' ? this.#query.transform(value, metadata) : super.transform(value, metadata);
  }
}
