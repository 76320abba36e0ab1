import { type INestApplication, Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Config } from '../../config/config.ts';
import { buildApiDocument } from './build-api-document.ts';

/** The application's OpenAPI document, generated on first use. */
@Injectable()
export class ApiDocument {
  #app: INestApplication | null = null;
  #document: OpenAPIObject | null = null;

  constructor(private readonly config: Config) {}

  /** Sets the application to describe, once it is built. */
  describe(app: INestApplication): void {
    this.#app = app;
  }

  get(): OpenAPIObject {
    if (this.#app === null) throw new Error('no application to describe yet');
    this.#document ??= buildApiDocument(this.#app, this.config.publicUrl);
    return this.#document;
  }
}
