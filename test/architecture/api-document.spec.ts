import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { TAGS } from '../../src/operations/documentation/tags.ts';
import { type ApiDescription, findBreakingChanges } from '../support/api-changes.ts';
import { describeApi, renderApiDocument } from '../support/describe-api.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

interface Operation {
  operationId: string;
  summary?: string;
  description?: string;
  tags: string[];
  parameters?: { name: string; description?: string }[];
  responses: Record<string, { $ref?: string; description: string; content?: Record<string, { schema?: unknown }> }>;
}

let operations: { name: string; operation: Operation }[];

beforeAll(async () => {
  const { paths } = (await describeApi()) as unknown as { paths: Record<string, Record<string, Operation>> };
  operations = Object.entries(paths).flatMap(([route, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${route}`, operation })),
  );
});

const namesOf = (isWrong: (operation: Operation) => boolean): string[] =>
  operations.filter(({ operation }) => isWrong(operation)).map(({ name }) => name);

describe('docs/openapi.json', () => {
  it('is what the program describes: otherwise run npm run docs:openapi', async () => {
    expect(read('docs/openapi.json') === (await renderApiDocument())).toBe(true);
  });

  it('breaks no client of the last release, unless CHANGELOG.md says so under Unreleased', () => {
    const [, unreleased = ''] = read('CHANGELOG.md').split('## [Unreleased]');
    const [announced = ''] = unreleased.split(/\n## \[/);
    const released = JSON.parse(read('docs/openapi.released.json')) as ApiDescription;
    const changes = findBreakingChanges(released, JSON.parse(read('docs/openapi.json')) as ApiDescription);
    const text = announced.replaceAll(/\s+/g, ' ');
    expect(changes.filter((change) => !text.includes(`\`${change}\``))).toEqual([]);
  });
});

describe('every operation', () => {
  it('is named by a verb, once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.filter((id) => !/^[a-z]+(?:[A-Z][a-z]*)*$/.test(id))).toEqual([]);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('has a summary without a full stop, a description, and a tag', () => {
    const tags = TAGS.map(([name]) => name);
    expect(namesOf(({ summary = '' }) => summary === '' || summary.endsWith('.'))).toEqual([]);
    expect(namesOf(({ description = '' }) => description.replace(/\n*Roles: .*$/, '') === '')).toEqual([]);
    expect(namesOf((operation) => operation.tags.some((tag) => !tags.includes(tag)))).toEqual([]);
  });

  it('describes its parameters', () => {
    expect(namesOf(({ parameters = [] }) => parameters.some(({ description = '' }) => description === ''))).toEqual([]);
  });

  it('describes its answers, and their bodies', () => {
    const isBodiless = new Set(['204', '302', '303', '304']);
    expect(
      namesOf(({ responses }) =>
        Object.entries(responses).some(
          ([status, { $ref, description, content }]) =>
            $ref === undefined && (description === '' || (content === undefined && !isBodiless.has(status))),
        ),
      ),
    ).toEqual([]);
  });
});
