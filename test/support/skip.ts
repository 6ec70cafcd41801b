// Skipping with a reason: the total of `npm test` names each skipped test and why.

/** Under this name the reporter finds the reason on a test or on a suite. */
interface Skippable {
  skipReason?: string;
}

/**
 * Skips the running test, or from within a hook what the hook is for.
 * @param context mocha's `this`.
 * @param reason what is missing and where the test would run, in one sentence.
 */
export function skip(context: Mocha.Context, reason: string): never {
  const runnable = context.test;
  const isHook = (runnable as { type?: string } | undefined)?.type === 'hook';
  const target = isHook ? (context.currentTest ?? runnable?.parent) : runnable;
  if (target !== undefined) (target as Skippable).skipReason = reason;
  return context.skip();
}
