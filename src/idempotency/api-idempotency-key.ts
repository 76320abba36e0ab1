import { ApiHeader } from '@nestjs/swagger';

/** Describes `Idempotency-Key` in the API document. */
export const ApiIdempotencyKey = (): MethodDecorator =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'A key of your choice, 1 to 255 printable ASCII characters, such as a UUID. A repeat with the same key and body ' +
      'within 24 hours gets the first answer, with Idempotency-Replayed: true.',
    schema: { type: 'string', minLength: 1, maxLength: 257 },
    example: '0197c1d2-7a54-7cc3-9c1c-3c7f6f1f5c11',
  });
