import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import type { OpenAPIObject } from '@nestjs/swagger';
import { addAnswerCheck } from './answer-checks.ts';
import { AnswerValidator } from './answer-validator.ts';
import { type Answer, recordAnswers } from './record-answers.mjs';

const STORED_COPY = path.resolve(import.meta.dirname, '../../../docs/openapi.json');

let validator: AnswerValidator | null = null;

/** The validator of the stored document, made on first use. */
function validate(answer: Answer): string[] {
  validator ??= new AnswerValidator(JSON.parse(readFileSync(STORED_COPY, 'utf8')) as OpenAPIObject);
  return validator.validate(answer);
}

/** From now on, an answer of the server that docs/openapi.json does not describe fails the running test. */
export function checkAnswers(server: Server): void {
  let violations: string[] = [];
  recordAnswers(server, (answer) => violations.push(...validate(answer)));
  addAnswerCheck(() => {
    const taken = violations;
    violations = [];
    return taken;
  });
}

/** Like `checkAnswers`, for another process: returns the file to which it must append its answers, one per line. */
export function checkRecordedAnswers(): string {
  const file = path.join(process.env['TEST_RUN_FOLDER'] ?? os.tmpdir(), `answers-${randomUUID()}.jsonl`);
  let checked = 0;
  addAnswerCheck(() => {
    if (!existsSync(file)) return [];
    // A killed process may leave half a line.
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    const fresh = lines.slice(checked);
    checked = lines.length;
    return fresh.flatMap((line) => validate(JSON.parse(line) as Answer));
  });
  return file;
}
