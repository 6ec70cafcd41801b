// The mocha reporter of all tiers: what mocha's own `spec` prints, and the outcome as a TierResult in a file.
// Options: `output` is that file, `title` names the tests, `patience` is the number of milliseconds in which the
// process has to end after the last one. Plain CommonJS, because mocha loads reporters with `require`.
'use strict';

const { writeFileSync } = require('node:fs');
const { reporters, Runner } = require('mocha');

class TierReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { output, patience, title: files } = options.reporterOption;
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
      const write = () => writeFileSync(output, JSON.stringify(result));
      write();
      // This timer alone keeps nothing running.
      setTimeout(() => {
        fail(
          `${files} does not end by itself`,
          'After the last test something still keeps the process running.',
        );
        write();
        process.exit();
      }, Number(patience)).unref();
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
