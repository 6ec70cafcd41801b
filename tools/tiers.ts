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

export interface Outcome {
  tier: string;
  result: TierResult;
  seconds: number;
}

/** Runs one tier; that it could not run is its failure, so that it can never pass for one that did. */
export async function runTier(
  tier: string,
  work: () => Promise<TierResult>,
  say: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<Outcome> {
  const started = Date.now();
  const result = await work().catch((error: unknown): TierResult => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(`${message}\n`);
    return { ...emptyResult(), failed: 1, failures: [{ title: 'The tier could not run', message }] };
  });
  return { tier, result, seconds: (Date.now() - started) / 1000 };
}

/** The report that ends a run; its last line is alone and fit for programs. */
export function report(outcomes: Outcome[]): string {
  const lines = ['', '=== total ==='];
  for (const { tier, result, seconds } of outcomes) {
    lines.push(`${tier.padEnd(9)} ${counts(result)} (${seconds.toFixed(1)} s)`);
  }
  for (const { tier, result } of outcomes) {
    for (const { title, reason } of result.skips) lines.push(`skipped  ${tier}: ${title} - ${reason}`);
  }
  for (const { tier, result } of outcomes) {
    for (const { title, message } of result.failures) {
      lines.push(`FAILED   ${tier}: ${title} - ${message.trim().split('\n')[0]}`);
    }
  }
  lines.push(counts(sumResults(outcomes.map(({ result }) => result))));
  return `${lines.join('\n')}\n`;
}

function counts({ passed, failed, skipped }: TierResult): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
