// A dry run of one step: really runs the code against scratch databases, compares, asks whether it can be repeated
// and reversed, and reports. Takes no lease and writes nothing outside the scratch databases.
import type { DryRunReport } from '../../protocol/events';
import { ExitCode } from '../../protocol/errors';
import type { RunStep } from '../../protocol/run';
import { describeError } from '../../migration/describeError';
import type { LoadedMigration } from '../../migration/kinds';
import { isPipeline, isScript, isTransform } from '../../migration/kinds';
import { loopFilter } from '../observedProgress';
import { applyMigration } from '../apply';
import type { DoorExtras } from '../applyScript';
import { loadStep } from '../loadStep';
import type { MigrationSet } from '../migrationSet';
import { rollBackMigration } from '../rollback';
import type { RunScope } from '../scope';
import { checkStep, type PlannedStep, StepFailure } from '../step';
import { inspect, type Findings } from './findings';
import { Scratch } from './scratch';
import { attempt, hasOwnWayBack, repeat, reverse, unknown, type Rehearsal } from './verdicts';

/** Databases of the server's own: read as they are, never copied. */
const systemDatabases = new Set(['admin', 'config', 'local']);

export async function dryRun(scope: RunScope, planned: PlannedStep, set: MigrationSet): Promise<void> {
  const { recorder, connection, settings } = scope;
  const step = recorder.step(planned.entry.name);
  recorder.enter(step, 'checking');
  const scratch = new Scratch(connection.client, settings.sample);
  try {
    const migration = await loadStep(scope, planned, set);
    await checkStep(scope, planned, migration, step);
    recorder.enter(step, 'running');
    const report = await rehearse(scope, scratch, migration, step);
    recorder.emit({ type: 'report', report });
    for (const diff of report.diffs) recorder.emit({ type: 'diff', step: step.name, ...diff });
    if (!report.succeeded) {
      recorder.finishStep(step, 'failed', report.error);
      throw new StepFailure('failed', ExitCode.failed, report.error);
    }
    recorder.finishStep(step, isBack(scope) ? 'rolled-back' : 'applied', null);
  } finally {
    await scratch.drop();
  }
}

async function rehearse(
  scope: RunScope,
  scratch: Scratch,
  migration: LoadedMigration,
  step: RunStep,
): Promise<DryRunReport> {
  const { target } = scope.connection;
  const commands: Record<string, number> = {};
  const rehearsal: Rehearsal = {
    // The kernel writes where `db` points; scripts are redirected at the door.
    scope: {
      ...scope,
      db: scratch.database(target.database),
      touch: (collection, filter) => scratch.touch(target.database, collection, filter),
    },
    scratch,
    step,
    migration,
    commands,
    extras: doorExtras(scratch, commands),
  };
  await touchDeclared(rehearsal);
  const started = performance.now();
  const back = isBack(scope);
  const failure = await attempt(() =>
    back ? goBack(rehearsal) : applyMigration(rehearsal.scope, migration, step, rehearsal.extras),
  );
  const seconds = (performance.now() - started) / 1000;
  // What the verdicts try is not what the migration sends.
  const sent = { ...commands };
  const found = await inspect(scratch, target.database);
  const verdicts = await judge(rehearsal, back ? 'This was its way back.' : failure && 'Up failed.');
  return {
    step: step.name,
    kind: migration.kind,
    succeeded: failure === null,
    error: failure === null ? null : describeError(failure.error, { file: migration.file, root: scope.root }),
    sampled: await sampled(scratch),
    commands: sent,
    collections: found.collections,
    diffs: found.diffs,
    refusedByValidator: found.refusedByValidator,
    ...verdicts,
    estimate: await estimate(rehearsal, found, seconds),
    warnings: back && !hasOwnWayBack(migration) ? [...found.warnings, fromJournal] : found.warnings,
  };
}

const fromJournal =
  'It has no way back of its own: it would be rolled back from its journal, which a dry run does not try.';

function isBack({ recorder }: RunScope): boolean {
  return recorder.document.direction === 'down';
}

/** The author's own way back. A journal speaks of the real collections and is never undone in a dry run. */
async function goBack({ scope, migration, step, extras }: Rehearsal): Promise<void> {
  if (!hasOwnWayBack(migration) && !migration.definition.irreversible) return;
  const own = { ...step, journal: `${scope.recorder.id}-down` };
  await rollBackMigration(scope, migration, own, undefined, extras);
}

/** Both verdicts, or why neither could be found. */
async function judge(
  rehearsal: Rehearsal,
  unasked: string | null,
): Promise<Pick<DryRunReport, 'repeatable' | 'reversible'>> {
  if (unasked !== null) return { repeatable: unknown(unasked), reversible: unknown(unasked) };
  return rehearsal.scope.recorder.mute(async () => ({
    repeatable: await repeat(rehearsal),
    reversible: await reverse(rehearsal),
  }));
}

function doorExtras(scratch: Scratch, commands: Record<string, number>): DoorExtras {
  return {
    redirect: (database) => scratch.name(database),
    async before(command) {
      for (const { database, collection } of command.namespaces) {
        if (systemDatabases.has(database)) continue;
        if (collection === undefined) await scratch.touchAll(database);
        else await scratch.touch(database, collection, loopFilter(command));
      }
    },
    after(command) {
      if (command.kind === 'handshake' || command.kind === 'session') return;
      commands[command.name] = (commands[command.name] ?? 0) + 1;
    },
  };
}

/** Transforms and pipelines say beforehand what they touch. */
async function touchDeclared({ migration, scratch, scope }: Rehearsal): Promise<void> {
  const { definition } = migration;
  const { database } = scope.connection.target;
  if (isScript(definition)) return;
  if (isPipeline(definition)) {
    await scratch.touch(database, definition.source);
    await scratch.touch(database, definition.into);
    await scratch.touchPipeline(database, definition.pipeline);
  } else {
    // The filter chose documents of the old shape; the way back looks at all of them.
    await scratch.touch(database, definition.source, isBack(scope) ? undefined : definition.filter);
    if (definition.into !== undefined) await scratch.touch(database, definition.into);
  }
}

async function sampled(scratch: Scratch): Promise<DryRunReport['sampled']> {
  const touched = await scratch.touched();
  const documents = touched.reduce((sum, { copied }) => sum + copied, 0);
  const of = touched.reduce((sum, each) => sum + each.of, 0);
  return { documents, of: Math.max(of, documents), complete: documents >= of };
}

/** What the whole data would take, at the speed and growth of the sample. */
async function estimate(
  { migration, scope, scratch }: Rehearsal,
  found: Findings,
  seconds: number,
): Promise<DryRunReport['estimate']> {
  const { definition } = migration;
  const { documents, of } = await sampled(scratch);
  if (documents === 0 || found.changedDocuments === 0) {
    return { documents: found.changedDocuments, seconds: null, growthBytes: 0 };
  }
  let expected = Math.round(found.changedDocuments * (of / documents));
  if (isTransform(definition)) {
    const source = scope.connection.db.collection(definition.source);
    expected = await source
      .countDocuments(definition.filter ?? {}, { maxTimeMS: 10_000 })
      .catch(() => expected);
  }
  const factor = expected / found.changedDocuments;
  return {
    documents: expected,
    seconds: Math.round(seconds * factor * 10) / 10,
    growthBytes: Math.round(found.grownBytes * factor),
  };
}
