// What failed checks mean for a step: it ends with the first error among them.
import { ExitCode, UserError } from '../../protocol/errors';
import type { CheckResult } from '../../protocol/run';

/**
 * @param sentence what the message begins with: `A check failed`.
 * @throws UserError (exit code 5) when a check of severity error has failed.
 */
export function refuseFailed(results: readonly CheckResult[], sentence: string): void {
  const failed = results.filter((result) => result.severity === 'error' && result.outcome === 'failed');
  const [first] = failed;
  if (!first) return;
  const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
  throw new UserError(`${sentence}: ${first.check}: ${first.details}${more}`, {
    exitCode: ExitCode.checkFailed,
  });
}
