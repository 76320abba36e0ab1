import { ApiProperty } from '@nestjs/swagger';

/** Describes an optional property that holds a `MetaCause`, whose schema belongs to the problems. */
export const ApiMetaCause = (): PropertyDecorator =>
  ApiProperty({ required: false, allOf: [{ $ref: '#/components/schemas/MetaCause' }] });
