import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';

/** Describes the response of a list: `Page` of the model (docs/api.md#conventions). */
export function ApiPage(model: Type, description: string): MethodDecorator {
  const schema = {
    type: 'object',
    required: ['data', 'next_cursor'],
    properties: {
      data: { type: 'array', items: { $ref: getSchemaPath(model) } },
      next_cursor: { ...NEXT_CURSOR, type: 'string' },
    },
  };
  return applyDecorators(ApiExtraModels(model), ApiOkResponse({ description, schema }));
}

/** For responses that are more than a `Page`. */
export const NEXT_CURSOR = {
  type: String,
  nullable: true,
  description: '`cursor` of the next page; null on the last page',
  example: 'Y29uXzAxazdnbTJ2OXM4eDRkMGM2YjVhM24xZjJl',
} as const;
