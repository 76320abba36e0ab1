import { afterAll, afterEach } from '@jest/globals';
import { forgetAnswerChecks, takeViolations } from './answer-checks.ts';

function failIfUndescribed(): void {
  const violations = takeViolations();
  if (violations.length === 0) return;
  throw new Error(
    `docs/openapi.json does not describe these answers (after a change of the API: npm run docs:openapi):\n${violations.join('\n')}`,
  );
}

// Jest loads this for every spec file (jest.config.mjs), so specs need not import it.
forgetAnswerChecks();
afterEach(failIfUndescribed);
afterAll(failIfUndescribed);
