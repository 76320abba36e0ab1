import { applyDecorators } from '@nestjs/common';
import { IsString, Matches, MaxLength } from 'class-validator';
import { withoutFragmentSuffix } from '../meta/dialog/fragment-suffix.ts';
import { invalidInputError } from '../platform/problem.ts';
import { SecretString } from '../platform/secret-string.ts';

/** Codes and tokens have no documented maximum; these are far beyond any that was seen. */
const MAX_CODE_LENGTH = 4096;
const MAX_TOKEN_LENGTH = 8192;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/** The pin of two-step verification. A secret. */
export const PIN_PATTERN = /^[0-9]{6}$/;

/** A code in a body, without the fragment that a front end took along. 400 where nothing else is in it. */
export function toCode(value: string): SecretString {
  const code = withoutFragmentSuffix(value);
  if (code === '') throw invalidInputError('code', 'must be a code as Meta gave it');
  return new SecretString(code);
}

/** An authorization code of Meta's. */
export const IsCode = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    MaxLength(MAX_CODE_LENGTH),
    Matches(VISIBLE_ASCII, { message: 'must be a code as Meta gave it' }),
  );

/** An access token of Meta's. */
export const IsAccessToken = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    MaxLength(MAX_TOKEN_LENGTH),
    Matches(VISIBLE_ASCII, { message: 'must be a token as Meta gave it' }),
  );

export const IsPin = (): PropertyDecorator =>
  applyDecorators(IsString(), Matches(PIN_PATTERN, { message: 'must be six digits' }));
