import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { AppError, notFound } from '../../platform/problem.ts';
import type { EventSchemasResponse } from './event-schema.dto.ts';
import { eventSchema, type JsonSchema, SCHEMA_TYPES, SCHEMA_VERSION } from './event-schemas.ts';

/** JSON schemas of delivered events, for developers of receivers. */
@ApiTags('events')
@Public()
@Controller('schemas/events')
export class EventSchemasController {
  constructor(private readonly config: Config) {}

  @Get()
  list(): EventSchemasResponse {
    const address = (type: string) => `${this.base}/${SCHEMA_VERSION}/${type}`;
    return { version: SCHEMA_VERSION, types: Object.fromEntries(SCHEMA_TYPES.map((type) => [type, address(type)])) };
  }

  @Get(`${SCHEMA_VERSION}/:type`)
  @Header('content-type', 'application/schema+json; charset=utf-8')
  get(@Param('type') type: string): JsonSchema {
    const schema = eventSchema(type, this.base);
    if (schema === null) throw new AppError(notFound);
    return schema;
  }

  private get base(): string {
    return `${this.config.publicUrl}/schemas/events`;
  }
}
