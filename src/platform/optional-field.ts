import { ValidateIf } from 'class-validator';

/** The field may be missing but not null, which would read like "none". */
export const IsOptionalNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
