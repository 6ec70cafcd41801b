// The check of a Python migration that comes before all others: without Python and pymongo its file cannot be read.
import type { CheckResult } from '../../protocol/run';
import { ExitCode, UserError } from '../../protocol/errors';
import { findPython } from './interpreter';

/** @throws UserError with the finding when it fails, as a failed check does. */
export async function checkPython(
  { root, python }: { root: string; python?: string },
  emit: (result: CheckResult) => void,
): Promise<void> {
  const started = performance.now();
  const check = { id: 'python', check: 'Python' };
  const durationMs = (): number => Math.round(performance.now() - started);
  try {
    const found = await findPython({ root, configured: python });
    emit({
      ...check,
      severity: 'info',
      outcome: 'passed',
      details: `Python ${found.version} with pymongo ${found.pymongo} (${found.command}).`,
      durationMs: durationMs(),
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { message: details, action } = error;
    const fix = action && (action.cli === undefined ? `${action.label}.` : `${action.label}: ${action.cli}`);
    emit({ ...check, severity: 'error', outcome: 'failed', details, action: fix, durationMs: durationMs() });
    throw new UserError(`A check failed: Python: ${details}`, { action, exitCode: ExitCode.checkFailed });
  }
}
