import { type ArgumentMetadata, Injectable, type ValidationError, ValidationPipe } from '@nestjs/common';
import { AppError, type InputError, invalidRequest } from './problem.ts';

/** The faults of a validated object, with their paths as `items[0].url`. */
export function inputErrors(errors: readonly ValidationError[], parent = ''): InputError[] {
  return errors.flatMap((error) => {
    const path = join(parent, error.property);
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      path,
      message: rule === 'whitelistValidation' ? 'is not a field of this body' : message,
    }));
    return [...own, ...inputErrors(error.children ?? [], path)];
  });
}

function join(parent: string, property: string): string {
  if (parent === '') return property;
  return /^\d+$/.test(property) ? `${parent}[${property}]` : `${parent}.${property}`;
}

function toProblem(errors: ValidationError[]): AppError {
  const found = inputErrors(errors);
  return new AppError(invalidRequest, { detail: found.map(({ path }) => path).join(', '), errors: found });
}

const COMMON = { transform: true, whitelist: true, stopAtFirstError: true, exceptionFactory: toProblem } as const;

/**
 * Bodies and queries against their classes (class-validator). A body field that is not known is refused, so that a typing
 * error shows; a query parameter that is not known is ignored, as links collect them on their way.
 */
@Injectable()
export class InputPipe extends ValidationPipe {
  readonly #query = new ValidationPipe(COMMON);

  constructor() {
    super({ ...COMMON, forbidNonWhitelisted: true, forbidUnknownValues: true });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    return metadata.type === 'query' ? this.#query.transform(value, metadata) : super.transform(value, metadata);
  }
}
