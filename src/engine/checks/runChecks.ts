// Runs the checks of one migration, a few at a time, and tells each result as soon as it is there. A check that
// breaks or takes too long is a result too and hides no other.
import type { CheckResult } from '../../protocol/run';
import { checks as allChecks } from './catalogue';
import type { Check, CheckScope, ChecksContext, Finding } from './check';
import { codeOf, defaultLimits, messageOf, timeExceeded, unauthorized } from './check';
import { Facts } from './facts';

/** Few enough that a busy server does not feel them. */
const atOnce = 4;

/** Checks before anything is written. Resolves with all results, in the order of the catalogue. */
export async function runChecks(
  context: ChecksContext,
  emit: (result: CheckResult) => void = () => undefined,
  checks: readonly Check[] = allChecks,
): Promise<CheckResult[]> {
  const scope = checkScope(context);
  const due = checks.filter((check) => check.directions.includes(context.direction) && check.applies(scope));
  const results: CheckResult[][] = due.map(() => []);
  const queue = due.entries();
  const worker = async (): Promise<void> => {
    for (const [position, check] of queue) {
      context.signal.throwIfAborted();
      const found = await runOne(check, scope);
      context.signal.throwIfAborted();
      results[position] = found;
      for (const result of found) emit(result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results.flat();
}

export function checkScope(context: ChecksContext): CheckScope {
  const limits = { ...defaultLimits, ...context.limits };
  return { ...context, limits, facts: new Facts(context, limits) };
}

export async function runOne(check: Check, scope: CheckScope): Promise<CheckResult[]> {
  const started = performance.now();
  let findings: Finding[];
  try {
    findings = [await withinTime(check, scope)].flat();
  } catch (error) {
    findings = [broken(error, scope)];
  }
  const durationMs = Math.round(performance.now() - started);
  return findings.map((finding) => ({
    id: check.id,
    check: finding.check ?? check.title,
    severity: finding.severity,
    outcome: finding.outcome,
    details: finding.details,
    ...(finding.action === undefined ? {} : { action: finding.action }),
    ...(finding.names === undefined ? {} : { names: finding.names }),
    durationMs,
  }));
}

/** The server is told by maxTimeMS; this bound also holds when it does not answer at all. */
async function withinTime(check: Check, scope: CheckScope): Promise<Finding | Finding[]> {
  const boundMs = scope.limits.timeMs * 2 + scope.limits.transformMs;
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const bound = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CheckTimeout(boundMs)), boundMs);
    stop = () => reject(scope.signal.reason as Error);
    scope.signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([check.run(scope), bound]);
  } finally {
    clearTimeout(timer);
    if (stop) scope.signal.removeEventListener('abort', stop);
  }
}

class CheckTimeout extends Error {
  constructor(ms: number) {
    super(`no answer within ${Math.round(ms / 1000)} s`);
  }
}

/** A check that could not be made warns: nobody knows whether what it looks for is there. */
function broken(error: unknown, scope: CheckScope): Finding {
  const code = codeOf(error);
  if (code === unauthorized) {
    return {
      severity: 'info',
      outcome: 'skipped',
      details: 'The user may not read what this check needs.',
    };
  }
  const reason =
    code === timeExceeded ? `it took longer than ${scope.limits.timeMs / 1000} s` : messageOf(error);
  return {
    severity: 'warning',
    outcome: 'failed',
    details: `This could not be checked: ${reason}.`,
    action: 'Look at it yourself before you go on, or try again when the server is less busy.',
  };
}
