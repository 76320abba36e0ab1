type AnswerCheck = () => readonly string[];

let checks: AnswerCheck[] = [];

/** Adds a check of a server's answers. It returns what the API document does not describe, since its last call. */
export function addAnswerCheck(check: AnswerCheck): void {
  checks.push(check);
}

/** Runs all checks. Returns each violation once. */
export function takeViolations(): string[] {
  return [...new Set(checks.flatMap((check) => check()))];
}

/** Forgets the servers of an earlier spec file. */
export function forgetAnswerChecks(): void {
  checks = [];
}
