/** Closes a run with a line that any reader understands: how many tests passed, failed and were skipped, and why. */
export default class PlainSummaryReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = results;
    // A spec file that does not even load has no tests to count, but it has failed.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    for (const title of skippedTitles(results)) process.stdout.write(`skipped: ${title}\n`);
    process.stdout.write(`${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped\n`);
  }
}

/** Titles of the test groups that this machine cannot run: they contain "[skipped: why]". */
function skippedTitles({ testResults }) {
  const pending = testResults.flatMap((file) => file.testResults).filter((test) => test.status === 'pending');
  return new Set(pending.flatMap((test) => test.ancestorTitles).filter((title) => title.includes('[skipped:')));
}
