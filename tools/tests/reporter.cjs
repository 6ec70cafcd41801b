// The mocha reporter of all tiers: what mocha's own `spec` prints, and the outcome as a TierResult in a file.
// Its option `output` names the file. Plain CommonJS, because mocha loads reporters with `require`.
'use strict';

const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

/** Exit code of a test process that something keeps running after its last test. */
const keptRunning = 99;
const patience = 20_000;

class TierReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { output } = options.reporterOption ?? options.reporterOptions;
    const result = { passed: 0, failed: 0, skipped: 0, skips: [], failures: [] };
    const fail = (title, message) => {
      result.failed++;
      result.failures.push({ title, message });
    };
    runner.on(Runner.constants.EVENT_TEST_PASS, () => result.passed++);
    runner.on(Runner.constants.EVENT_TEST_FAIL, (test, error) => {
      fail(test.fullTitle(), error.stack ?? String(error.message ?? error));
    });
    runner.on(Runner.constants.EVENT_TEST_PENDING, (test) => {
      const reason = skipReason(test);
      if (reason === undefined) {
        fail(test.fullTitle(), 'It is skipped without a reason; test/support/skip.ts takes one.');
      } else {
        result.skipped++;
        result.skips.push({ title: test.fullTitle(), reason });
      }
    });
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      writeFileSync(output, JSON.stringify(result));
      setTimeout(() => process.exit(keptRunning), patience).unref();
    });
  }
}

/** Set by test/support/skip.ts on the test, or on a suite when the skip happened in a `before` hook. */
function skipReason(test) {
  for (let at = test; at !== undefined; at = at.parent) {
    if (at.skipReason !== undefined) return at.skipReason;
  }
  return undefined;
}

module.exports = TierReporter;
