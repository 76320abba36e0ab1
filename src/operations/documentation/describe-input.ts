import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { getMetadataStorage } from 'class-validator';

type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];
type Schema = Record<string, unknown>;

/** Where @nestjs/swagger stores the names of hand-described properties. */
const DESCRIBED = 'swagger/apiModelPropertiesArray';

/**
 * Documents a body or query from its validation rules, except for properties described by hand, so that the document
 * matches what is checked.
 */
export function describeInput(input: { readonly prototype: object }): void {
  const rules = getMetadataStorage().getTargetValidationMetadatas(input as never, '', true, false);
  const byHand = new Set((Reflect.getMetadata(DESCRIBED, input.prototype) ?? []) as string[]);
  for (const property of new Set(rules.map(({ propertyName }) => propertyName))) {
    if (byHand.has(`:${property}`)) continue;
    const own = rules.filter(({ propertyName }) => propertyName === property);
    ApiProperty(optionsOf(own, Reflect.getMetadata('design:type', input.prototype, property)))(
      input.prototype,
      property,
    );
  }
}

function optionsOf(rules: readonly Rule[], designType: unknown): ApiPropertyOptions {
  const schemaOf = (some: readonly Rule[]): Schema => Object.assign({}, ...some.map((rule) => schemaOfRule(rule)));
  const isArray = designType === Array || rules.some(({ each, name }) => each || name === 'isArray');
  const item = schemaOf(rules.filter(({ each }) => each));
  const whole = schemaOf(rules.filter(({ each }) => !each));
  const type = designType === Number ? 'number' : designType === Boolean ? 'boolean' : 'string';
  const required = !rules.some(({ type }) => type === 'conditionalValidation');
  const schema = isArray ? { type: 'array', items: { type: 'string', ...item }, ...whole } : { type, ...whole };
  return { ...schema, required } as ApiPropertyOptions;
}

function schemaOfRule({ name, constraints }: Rule): Schema {
  const [first, second] = (constraints ?? []) as unknown[];
  switch (name) {
    case 'isInt':
      return { type: 'integer' };
    case 'min':
      return { minimum: first };
    case 'max':
      return { maximum: first };
    case 'isIn':
      return { enum: first };
    case 'matches':
      return first instanceof RegExp ? { pattern: first.source } : {};
    case 'isLength':
      return { minLength: first, ...(second === undefined ? {} : { maxLength: second }) };
    case 'minLength':
      return { minLength: first };
    case 'maxLength':
      return { maxLength: first };
    case 'arrayMinSize':
      return { minItems: first };
    case 'arrayMaxSize':
      return { maxItems: first };
    case 'arrayUnique':
      return { uniqueItems: true };
    case 'isUrl':
      return { format: 'uri' };
    default:
      return {};
  }
}
