import { type ArgumentMetadata, Injectable, type ValidationError, ValidationPipe } from '@nestjs/common';
import { AppError, type InputError, invalidRequest } from '../problem.ts';

/** The faults of a validated object, with their paths as `items[0].url`. */
export function toInputErrors(errors: readonly ValidationError[], parent = ''): InputError[] {
  return errors.flatMap((error) => {
    const path = join(parent, error.property);
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
 * What a class of a hot route may offer: whether a body is plainly what the class describes. Then the general validation, the
 * dearest part of such a request, is spared; whenever in doubt it says no, and the general validation finds the words.
 */
interface PlainlyValid {
  isPlainlyValid?(body: unknown): boolean;
}

/**
 * Bodies and queries against their classes (class-validator). A body field that is not known is refused, so that a typing
 * error shows; a query parameter that is not known is ignored, as links collect them on their way.
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
