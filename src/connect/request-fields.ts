import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength } from 'class-validator';
import { withoutFragmentSuffix } from '../meta/dialog/fragment-suffix.ts';
import { IsOptionalNotNull } from '../platform/optional-field.ts';
import { invalidInputError } from '../platform/problem.ts';
import { SecretString } from '../platform/secret-string.ts';

/** Codes and tokens have no documented maximum; this is far above any seen (docs/meta-facts.md#length-and-prefixes). */
export const MAX_CODE_LENGTH = 4096;
export const MAX_TOKEN_LENGTH = 8192;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** Two-step verification pin. Secret. */
export const PIN_PATTERN = /^[0-9]{6}$/;

/** Strips the fragment from a code (docs/meta-facts.md#codes-that-end-with-a-fragment). 400 if nothing else is left. */
export function toCode(value: string): SecretString {
  const code = withoutFragmentSuffix(value);
  if (code === '') throw invalidInputError('code', 'must be a code as Meta issued it');
  return new SecretString(code);
}

/** An authorization code from Meta. */
export const IsCode = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    MaxLength(MAX_CODE_LENGTH),
    Matches(VISIBLE_ASCII, { message: 'must be a code as Meta issued it' }),
  );

/** An access token from Meta. */
export const IsAccessToken = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    MaxLength(MAX_TOKEN_LENGTH),
    Matches(VISIBLE_ASCII, { message: 'must be a token as Meta issued it' }),
  );

const META_ID = /^[0-9]{1,32}$/;

/** The Meta app to connect under. */
export const AppIdField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      pattern: META_ID.source,
      description:
        'The Meta app to connect under. Absent: the one that names the tenant, else one of all tenants, else that of ' +
        'the environment.',
      example: '1029384756102938',
    }),
    IsOptionalNotNull(),
    Matches(META_ID, { message: 'must be an id of Meta, in digits' }),
    IsString(),
  );

export const IsPin = (): PropertyDecorator =>
  applyDecorators(IsString(), Matches(PIN_PATTERN, { message: 'must be six digits' }));
