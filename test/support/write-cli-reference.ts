import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderCliPage } from './cli-reference.ts';

/** `npm run docs:cli`: brings docs/cli.md up to date with the program. */
const file = path.resolve(import.meta.dirname, '../../docs/cli.md');
writeFileSync(file, renderCliPage(readFileSync(file, 'utf8')));
