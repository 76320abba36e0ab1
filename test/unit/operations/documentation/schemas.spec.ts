import { describe, expect, it } from '@jest/globals';
import { pruneComponents } from '../../../../src/operations/documentation/prune-components.ts';
import { modernizeSchemas } from '../../../../src/operations/documentation/schemas.ts';

describe('modernizeSchemas', () => {
  it('turns examples of schemas into lists, at any depth, and leaves data alone', () => {
    const property = { type: 'string', example: 'acme' };
    const schema = { type: 'object', example: { example: 1 }, properties: { tenant: property, example: property } };
    expect(modernizeSchemas({ components: { schemas: { A: schema } } }).components.schemas.A).toEqual({
      type: 'object',
      examples: [{ example: 1 }],
      properties: {
        tenant: { type: 'string', examples: ['acme'] },
        example: { type: 'string', examples: ['acme'] },
      },
    });
  });

  it('leaves examples of headers and parameters', () => {
    const header = { schema: { type: 'string', example: 'a' }, example: 'b' };
    expect(modernizeSchemas({ headers: { example: header } })).toEqual({
      headers: { example: { schema: { type: 'string', examples: ['a'] }, example: 'b' } },
    });
  });

  it('unwraps an allOf of one', () => {
    expect(modernizeSchemas({ schema: { allOf: [{ $ref: '#/a' }], description: 'b' } })).toEqual({
      schema: { $ref: '#/a', description: 'b' },
    });
  });
});

describe('pruneComponents', () => {
  it('keeps what is reached, also through other components', () => {
    const components = {
      schemas: { A: { items: { $ref: '#/components/schemas/B' } }, B: { $ref: '#/components/schemas/A' }, C: {} },
      responses: { R: { schema: { $ref: '#/components/schemas/A' } }, S: {} },
      securitySchemes: { key: {} },
    };
    expect(pruneComponents({ paths: { a: { $ref: '#/components/responses/R' } } }, components)).toEqual({
      schemas: { A: components.schemas.A, B: components.schemas.B },
      responses: { R: components.responses.R },
      securitySchemes: { key: {} },
    });
  });
});
