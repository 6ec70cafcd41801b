// What one tier of `npm test` answers with; every runner of a tier (mocha, extension host, browser) speaks this.

/** Something that was not run, and why. */
export interface Skip {
  title: string;
  reason: string;
}

/** Something that failed: its full title, and message with stack where there is one. */
export interface Failure {
  title: string;
  message: string;
}

/** The outcome of a tier. A tier that cannot run at all throws instead of answering. */
export interface TierResult {
  passed: number;
  failed: number;
  skipped: number;
  /** One for each of `skipped`. */
  skips: Skip[];
  /** One for each of `failed`. */
  failures: Failure[];
}

/** A result without anything in it, to add to. */
export function emptyResult(): TierResult {
  return { passed: 0, failed: 0, skipped: 0, skips: [], failures: [] };
}

/** The sum of several results, e.g. of the parallel processes of one tier. */
export function sumResults(results: readonly TierResult[]): TierResult {
  const sum = emptyResult();
  for (const result of results) {
    sum.passed += result.passed;
    sum.failed += result.failed;
    sum.skipped += result.skipped;
    sum.skips.push(...result.skips);
    sum.failures.push(...result.failures);
  }
  return sum;
}
