// The verdicts of a dry run: can the migration be repeated, and can it be reversed? Both are tried, not guessed.
import type { Verdict } from '../../protocol/events';
import type { RunStep } from '../../protocol/run';
import { describeError } from '../../migration/describeError';
import type { LoadedMigration } from '../../migration/kinds';
import { isScript, isTransform } from '../../migration/kinds';
import { applyMigration } from '../apply';
import type { DoorExtras } from '../applyScript';
import { rollBackFromJournal, rollBackMigration } from '../rollback';
import { CancelledError, type RunScope } from '../scope';
import { StuckError } from '../userCode';
import { differences, isSame, type Difference } from './findings';
import { hasScriptJournal } from '../scriptJournal/undo';
import type { Scratch } from './scratch';

/** One migration in front of its scratch databases. */
export interface Rehearsal {
  scope: RunScope;
  scratch: Scratch;
  step: RunStep;
  migration: LoadedMigration;
  extras: DoorExtras;
  commands: Record<string, number>;
  /** What the verdicts try gets so many milliseconds: a second run may wait for ever for what happens only once. */
  patienceMs: number;
}

/** The error of `work`, or null; a cancel is no outcome of a dry run and goes through. */
export async function attempt(work: () => Promise<unknown>): Promise<{ error: unknown } | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof CancelledError || error instanceof StuckError) throw error;
    return { error };
  }
}

/** The same within the rehearsal's patience; what takes longer is stopped, and answered by a verdict. */
async function patiently(
  { scope, patienceMs }: Rehearsal,
  what: string,
  work: (scope: RunScope) => Promise<unknown>,
): Promise<{ error: unknown } | { verdict: Verdict } | null> {
  const late = AbortSignal.timeout(Math.round(patienceMs));
  const limited: RunScope = {
    ...scope,
    signal: AbortSignal.any([scope.signal, late]),
    async gate() {
      late.throwIfAborted();
      await scope.gate();
    },
  };
  const failure = await attempt(() => work(limited)).catch((error: unknown) => {
    if (!late.aborted || scope.signal.aborted) throw error;
    return { error };
  });
  if (!failure || !late.aborted) return failure;
  const seconds = Math.round(patienceMs / 1000);
  return { verdict: unknown(`${what} did not end within ${seconds} s, far longer than the first.`) };
}

/** A second `up` over the result of the first: it may not fail, and may not change anything more. */
export async function repeat(rehearsal: Rehearsal): Promise<Verdict> {
  const { scope, scratch, migration, step, extras } = rehearsal;
  const before = await fingerprint(scratch);
  const again = { ...step, name: `${step.name}#again`, journal: `${scope.recorder.id}-again` };
  const failure = await patiently(rehearsal, 'A second run', (limited) =>
    applyMigration(limited, migration, again, extras),
  );
  if (failure && 'verdict' in failure) return failure.verdict;
  if (failure) {
    const { message } = describeError(failure.error, { file: migration.file, root: scope.root });
    return { answer: 'no', details: `A second run fails: ${message}` };
  }
  const after = await fingerprint(scratch);
  if (before === null || after === null) return unknown('This server gives no hashes of its collections.');
  if (before === after) return { answer: 'yes', details: 'A second run changes nothing more.' };
  return { answer: 'no', details: 'A second run changes documents once more.' };
}

/** `up` from the beginning and then the way back: everything has to be as it was, byte for byte. */
export async function reverse(rehearsal: Rehearsal): Promise<Verdict> {
  const { scope, scratch, migration, step, extras } = rehearsal;
  const { definition } = migration;
  if (definition.irreversible) {
    const why = definition.irreversible === true ? '' : `: ${definition.irreversible}`;
    return { answer: 'no', details: `It is marked irreversible${why}.` };
  }
  const own = hasOwnWayBack(migration);
  await scratch.reset();
  const journal = `${scope.recorder.id}-reverse`;
  const forward = { ...step, journal };
  let missing: string | undefined;
  const failure = await patiently(rehearsal, 'A run with its way back', async (limited) => {
    await applyMigration(limited, migration, forward, extras);
    if (own) {
      // Where a `down` fails, a journal may not hide it.
      const appliedBy = isScript(definition) ? undefined : journal;
      await rollBackMigration(limited, migration, { ...step, journal: `${journal}-down` }, appliedBy, extras);
    } else {
      missing = isScript(definition) ? await missingJournal(limited, forward, journal) : undefined;
      if (missing === undefined) await rollBackFromJournal(limited, forward, journal);
    }
  });
  if (failure && 'verdict' in failure) return failure.verdict;
  if (failure) {
    const { message } = describeError(failure.error, { file: migration.file, root: scope.root });
    return { answer: 'no', details: `The way back fails: ${message}` };
  }
  if (missing !== undefined) return { answer: 'no', details: `It has no down, and ${missing}` };
  const how = isScript(definition) && !own ? 'It has no down and was taken back from its journal. ' : '';
  const left = (await differences(scratch, 0)).filter((difference) => !isSame(difference));
  if (left.length === 0)
    return { answer: 'yes', details: `${how}Afterwards everything is as it was, byte for byte.` };
  return {
    answer: 'no',
    details: `${how}Afterwards not everything is as it was: ${left.map(inWords).join('; ')}.`,
  };
}

async function missingJournal(scope: RunScope, step: RunStep, run: string): Promise<string | undefined> {
  if (!(await hasScriptJournal(scope, step, run))) return "with backup: 'none' it has no journal.";
  if (step.unkept === undefined) return undefined;
  return `with backup: 'none' no journal holds what it changes by itself (first: ${step.unkept}).`;
}

/** A `down`, or a `revert` of a transform; else only the journal leads back. */
export function hasOwnWayBack({ definition }: LoadedMigration): boolean {
  if (isScript(definition)) return typeof definition.down === 'function';
  return isTransform(definition) && Boolean(definition.revert ?? definition.revertPipeline);
}

function inWords({ collection, comparison, structure }: Difference): string {
  const { changed, inserted, deleted } = comparison;
  const parts = [
    changed > 0 ? `${changed} documents differ` : '',
    inserted > 0 ? `${inserted} are new` : '',
    deleted > 0 ? `${deleted} are gone` : '',
    ...structure.indexes,
    ...structure.options,
  ];
  return `${collection}: ${parts.filter(Boolean).join(', ')}`;
}

/** One text that changes whenever a document of the scratch databases does; null where the server has no dbHash. */
async function fingerprint(scratch: Scratch): Promise<string | null> {
  const touched = await scratch.touched();
  const databases = [...new Set(touched.map(({ database }) => database))].toSorted();
  const hashes: unknown[] = [];
  try {
    for (const database of databases) {
      const reply = await scratch.database(database).command({ dbHash: 1 });
      const collections = Object.entries(reply['collections'] as Record<string, string>);
      hashes.push(collections.filter(([name]) => !name.startsWith('_migratory_')));
    }
  } catch {
    return null;
  }
  return JSON.stringify(hashes);
}

export function unknown(details: string): Verdict {
  return { answer: 'unknown', details };
}
