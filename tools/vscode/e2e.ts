// The tier "e2e": test/e2e on the packaged extension in a real workbench.
import type { TierResult } from '../tiers';
import { runMocha } from '../tests/mocha';
import { chromiumPath } from './chromium';
import { codeServer } from './codeServer';

/** Runs test/e2e. `grep` picks the tests whose full title contains it. */
export async function runE2eTests(grep?: string): Promise<TierResult> {
  // Fetched here, since no test's timeout allows for a download.
  await Promise.all([codeServer(), chromiumPath()]);
  return runMocha('test/e2e', { grep, timeout: 180_000 });
}
