import { ValidateIf } from 'class-validator';

/** The field may be absent, but not null, because that would read like "none". */
export const IsOptionalNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
