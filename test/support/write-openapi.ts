import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderApiDocument } from './describe-api.ts';

/** `npm run docs:openapi`: brings docs/openapi.json up to date with the program. */
writeFileSync(path.resolve(import.meta.dirname, '../../docs/openapi.json'), await renderApiDocument());
