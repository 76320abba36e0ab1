import { SetMetadata } from '@nestjs/common';

export const API_ERROR_PAGES = 'metavault:api-error-pages';

/** Declares in the API document that a route shows its errors to people as pages. */
export const ApiErrorPages = (): MethodDecorator => SetMetadata(API_ERROR_PAGES, true);
