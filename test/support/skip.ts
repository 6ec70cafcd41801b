// Skipping with a reason: the total of `npm test` names each skipped test and why.
import type { Db } from 'mongodb';

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

async function versionOf(db: Db): Promise<{ version: string; major: number }> {
  const version = String((await db.admin().serverInfo())['version']);
  return { version, major: Number.parseInt(version, 10) };
}

/** Skips the running test on servers that are older than this. @param what is missing there. */
export async function skipBelow(context: Mocha.Context, db: Db, major: number, what: string): Promise<void> {
  const found = await versionOf(db);
  if (found.major < major) skip(context, `${what} came with MongoDB ${major}; this one is ${found.version}`);
}

export async function hasTimeSeries(db: Db): Promise<boolean> {
  return (await versionOf(db)).major >= 5;
}
