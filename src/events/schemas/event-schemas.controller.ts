import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Public } from '../../auth/decorators.ts';
import { Config } from '../../config/config.ts';
import { ApiProblems } from '../../platform/openapi/api-problems.ts';
import { AppError, notFound } from '../../platform/problem.ts';
import { EventSchemasResponse } from './event-schema.dto.ts';
import { eventSchema, type JsonSchema, SCHEMA_TYPES, SCHEMA_VERSION } from './event-schemas.ts';

/** JSON schemas of delivered events, for developers of receivers. */
@ApiTags('events')
@Public()
@Controller('schemas/events')
export class EventSchemasController {
  constructor(private readonly config: Config) {}

  @Get()
  @ApiOperation({
    operationId: 'listEventSchemas',
    summary: 'List the JSON schemas of events',
    description: 'New fields do not change the version: receivers must tolerate them.',
  })
  @ApiOkResponse({ type: EventSchemasResponse, description: 'Where the schemas are' })
  list(): EventSchemasResponse {
    const address = (type: string) => `${this.base}/${SCHEMA_VERSION}/${type}`;
    return { version: SCHEMA_VERSION, types: Object.fromEntries(SCHEMA_TYPES.map((type) => [type, address(type)])) };
  }

  @Get(`${SCHEMA_VERSION}/:type`)
  @Header('content-type', 'application/schema+json; charset=utf-8')
  @ApiParam({ name: 'type', description: 'Type of the event', enum: SCHEMA_TYPES })
  @ApiOperation({
    operationId: 'getEventSchema',
    summary: 'Get the JSON schema of an event',
    description: 'Of the whole body that is delivered, in JSON Schema 2020-12.',
  })
  @ApiOkResponse({
    description: 'The schema',
    content: { 'application/schema+json': { schema: { type: 'object', additionalProperties: true } } },
  })
  @ApiProblems(notFound)
  get(@Param('type') type: string): JsonSchema {
    const schema = eventSchema(type, this.base);
    if (schema === null) throw new AppError(notFound);
    return schema;
  }

  private get base(): string {
    return `${this.config.publicUrl}/schemas/events`;
  }
}
