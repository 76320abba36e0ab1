import { type ArgumentMetadata, Injectable, type ValidationError, ValidationPipe } from '@nestjs/common';
import { AppError, type InputError, invalidRequest, shortened } from '../problem.ts';

/** The faults of a validated object, with their paths as `items[0].url`. */
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
 * What the class of a hot route may offer: a cheap check whether a body plainly matches the class. It spares the general validation, the
 * most expensive part of such a request. If unsure it returns false, and the general validation produces the errors.
 */
interface PlainlyValid {
  isPlainlyValid?(body: unknown): boolean;
}

/**
 * Validates bodies and queries against their classes (class-validator). An unknown body field is refused, so that a typo shows; an unknown
 * query parameter is ignored, because links collect them on their way.
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
