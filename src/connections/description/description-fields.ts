import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, ValidateBy, ValidateIf } from 'class-validator';
import { IsOptionalNotNull } from '../../platform/optional-field.ts';
import { MAX_METADATA_PAIRS } from './description.ts';

const MAX_REFERENCE_LENGTH = 200;
const MAX_KEY_LENGTH = 40;
const MAX_VALUE_LENGTH = 500;

/** Postgres takes neither NUL nor lone surrogates. */
const REFERENCE = /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,200}$/u;
const KEY = /^[^\p{Cc}\p{Cs}]{1,40}$/u;
const VALUE = /^[^\0\p{Cs}]{0,500}$/u;

const REFERENCE_MESSAGE = `must be 1 to ${MAX_REFERENCE_LENGTH} characters, without control characters`;
const METADATA_MESSAGE =
  `must be an object of up to ${MAX_METADATA_PAIRS} pairs: keys of 1 to ${MAX_KEY_LENGTH} characters, ` +
  `texts of up to ${MAX_VALUE_LENGTH}`;

export const REFERENCE_EXAMPLE = 'shop-4711';
export const METADATA_EXAMPLE = { plan: 'pro', region: 'europe' };

const IsMetadata = (isValue: (value: unknown) => boolean): PropertyDecorator =>
  ValidateBy(
    { name: 'isMetadata', validator: { validate: (value: unknown) => isPairs(value, isValue) } },
    { message: METADATA_MESSAGE },
  );

function isPairs(value: unknown, isValue: (value: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const pairs = Object.entries(value);
  return pairs.length <= MAX_METADATA_PAIRS && pairs.every(([key, each]) => KEY.test(key) && isValue(each));
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && VALUE.test(value);
}

const IsReference = (): PropertyDecorator =>
  applyDecorators(IsString(), Matches(REFERENCE, { message: REFERENCE_MESSAGE }));

const REFERENCE_SCHEMA = { minLength: 1, maxLength: MAX_REFERENCE_LENGTH, example: REFERENCE_EXAMPLE };

const metadataSchema = (isNullable: boolean) =>
  ({
    type: 'object',
    maxProperties: MAX_METADATA_PAIRS,
    additionalProperties: { type: 'string', maxLength: MAX_VALUE_LENGTH, ...(isNullable ? { nullable: true } : {}) },
  }) as const;

const IsSet = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined && value !== null);

/** `reference` of a body that creates a connection. */
export const ReferenceField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      ...REFERENCE_SCHEMA,
      description: 'Your own id for the connection. Absent: an existing connection keeps its own.',
    }),
    IsOptionalNotNull(),
    IsReference(),
  );

/** `metadata` of a body that creates a connection. */
export const MetadataField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      ...metadataSchema(false),
      description: 'Your own data, in place of all metadata of an existing connection. Absent: it keeps its own.',
      example: METADATA_EXAMPLE,
    }),
    IsOptionalNotNull(),
    IsMetadata(isText),
  );

/** `reference` of a merge patch. */
export const PatchedReferenceField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      ...REFERENCE_SCHEMA,
      type: String,
      nullable: true,
      description: 'Your own id for the connection; null removes it',
    }),
    IsSet(),
    IsReference(),
  );

/** `metadata` of a merge patch. */
export const PatchedMetadataField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      ...metadataSchema(true),
      nullable: true,
      description: 'Sets these keys; a null removes its key, or all metadata. Other keys stay.',
      example: { plan: 'free', region: null },
    }),
    IsSet(),
    IsMetadata((value) => value === null || isText(value)),
  );

/** `reference` of a list's query. */
export const ReferenceFilter = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ ...REFERENCE_SCHEMA, description: 'With exactly this `reference`' }),
    IsOptionalNotNull(),
    IsReference(),
  );
