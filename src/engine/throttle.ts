// The limits of a run, changed while it runs: through its document, like pause and cancel. Holding back is the
// kernel's (transfer/throttle.ts).
import type { Db, Document } from 'mongodb';
import { ExitCode, UserError } from '../protocol/errors';
import { finalRunStates, type RunThrottle, type ThrottleChange } from '../protocol/run';
import { findRun, runs } from './runs';

export const throttleKeys = ['docsPerSecond', 'maxLagSeconds', 'maxLatencyMs'] as const;

/** Makes `live`, which transfers read before every batch, say what `wanted` says. */
export function applyThrottle(live: RunThrottle, wanted: RunThrottle): void {
  for (const key of throttleKeys) {
    const limit = wanted[key];
    if (limit === undefined) delete live[key];
    else live[key] = limit;
  }
}

/**
 * Changes the limits of a run that is at work, on whatever machine.
 * @param settings the limits to change (null lifts one), the others stay; null lifts all of them.
 * @returns the limits from now on.
 * @throws UserError for a run that has ended or does not exist, and for limits that are no numbers above 0.
 */
export async function setThrottle(db: Db, id: string, settings: ThrottleChange | null): Promise<RunThrottle> {
  const wanted = Object.entries(settings ?? {}).filter(([, limit]) => limit !== undefined);
  for (const [key, limit] of wanted) {
    const known = (throttleKeys as readonly string[]).includes(key);
    if (!known || (limit !== null && !isLimit(limit)))
      throw new UserError(`"${key}" of a throttle has to be a number above 0.`, { exitCode: ExitCode.usage });
  }
  const run = await findRun(db, id);
  if (!run) throw new UserError(`There is no run ${id} in database "${db.databaseName}".`);
  if (finalRunStates.includes(run.state))
    throw new UserError(`Run ${id} has ended (${run.state}); there is nothing to hold back.`);
  if (settings !== null && wanted.length === 0) return run.throttle ?? {};
  const update = settings === null ? { $set: { throttle: {} } } : changeOf(wanted);
  const after = await runs(db).findOneAndUpdate({ _id: id }, update, { returnDocument: 'after' });
  return after?.throttle ?? {};
}

function isLimit(limit: unknown): boolean {
  return typeof limit === 'number' && limit > 0 && Number.isFinite(limit);
}

function changeOf(wanted: [string, number | null | undefined][]): Document {
  const of = (suits: (limit: unknown) => boolean): Document =>
    Object.fromEntries(
      wanted.filter(([, limit]) => suits(limit)).map(([key, limit]) => [`throttle.${key}`, limit]),
    );
  const [set, lifted] = [of((limit) => limit !== null), of((limit) => limit === null)];
  return {
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(Object.keys(lifted).length > 0 && { $unset: lifted }),
  };
}

export function throttleInWords({ docsPerSecond, maxLagSeconds, maxLatencyMs }: RunThrottle): string {
  const limits = [
    docsPerSecond !== undefined && `at most ${docsPerSecond} documents a second`,
    maxLagSeconds !== undefined && `waits while a secondary lags more than ${maxLagSeconds} s`,
    maxLatencyMs !== undefined && `waits while the server takes more than ${maxLatencyMs} ms`,
  ].filter((limit) => limit !== false);
  return limits.length === 0 ? 'no limits' : limits.join(', ');
}
