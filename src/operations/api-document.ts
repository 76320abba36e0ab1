import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** The OpenAPI document of the application, made when it is first asked for. */
export class ApiDocument {
  #app: INestApplication | null = null;
  #document: OpenAPIObject | null = null;

  /** The application whose routes it tells; given once it is built. */
  describe(app: INestApplication): void {
    this.#app = app;
  }

  get(): OpenAPIObject {
    if (this.#app === null) throw new Error('there is no application to describe yet');
    this.#document ??= SwaggerModule.createDocument(this.#app, OPTIONS);
    return this.#document;
  }
}

const OPTIONS = new DocumentBuilder()
  .setTitle('Metavault')
  .setDescription("Token lifecycle and credential vault for Meta's APIs")
  .setVersion('1')
  .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The API key of a client' }, 'bearer')
  .build();
