import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ApiDescription, reduceToContract } from './api-changes.ts';
import { describeApi, renderApiDocument } from './describe-api.ts';

const DOCS = path.resolve(import.meta.dirname, '../../docs');

/**
 * `npm run docs:openapi`: brings docs/openapi.json up to date with the program. With `-- --release`, a step of
 * every release, also the copy that later changes are compared with.
 */
writeFileSync(path.join(DOCS, 'openapi.json'), await renderApiDocument());
if (process.argv.includes('--release')) {
  const contract = reduceToContract((await describeApi()) as unknown as ApiDescription);
  writeFileSync(path.join(DOCS, 'openapi.released.json'), `${JSON.stringify(contract)}\n`);
}
