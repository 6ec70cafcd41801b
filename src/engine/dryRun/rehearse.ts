// The rehearsal of one migration: really runs the code against scratch databases, compares, asks whether it can be
// repeated and reversed, and reports. Takes no lease and writes nothing outside the scratch databases.
import type { DryRunReport, Verdict } from '../../protocol/events';
import type { RunStep } from '../../protocol/run';
import { describeError } from '../../migration/describeError';
import type { LoadedMigration } from '../../migration/kinds';
import { isPipeline, isScript, isTransform } from '../../migration/kinds';
import { loopFilter } from '../observedProgress';
import { applyMigration } from '../apply';
import type { DoorExtras } from '../applyScript';
import { rollBackMigration } from '../rollback';
import type { RunScope } from '../scope';
import { inspect, type Findings } from './findings';
import { copyJournal } from './journalCopy';
import type { Scratch } from './scratch';
import { validateRehearsed } from './validate';
import { attempt, hasOwnWayBack, repeat, reverse, unknown, type Rehearsal } from './verdicts';

/** Databases of the server's own: read as they are, never copied. */
const systemDatabases = new Set(['admin', 'config', 'local']);

/** What a verdict tries gets so long, and ten times as long as the first run took. */
const leastPatienceMs = 10_000;

/** One migration in its place among those that are rehearsed together. */
export interface Turn {
  scratch: Scratch;
  migration: LoadedMigration;
  step: RunStep;
  /** With `--down`: the run whose journal leads back. */
  appliedBy: string | undefined;
  /** Collections that earlier migrations have changed: counts of the real ones say nothing of them. */
  changed: ReadonlySet<string>;
  /** Another one comes after it, which is to find what this one has made: `scratch.goOn` leads there. */
  goesOn: boolean;
}

export async function rehearse(
  scope: RunScope,
  { scratch, migration, step, appliedBy, changed, goesOn }: Turn,
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
    patienceMs: leastPatienceMs,
  };
  await touchDeclared(scratch, migration, scope);
  const unseen = await missedBySample(rehearsal, changed);
  const started = performance.now();
  const { outside } = scope.ownClients;
  outside?.take();
  const back = isBack(scope);
  let way: Verdict | undefined;
  const failure = await attempt(async () => {
    if (back) way = await goBack(rehearsal, appliedBy);
    else await applyMigration(rehearsal.scope, migration, step, rehearsal.extras);
  });
  const seconds = (performance.now() - started) / 1000;
  rehearsal.patienceMs = Math.max(leastPatienceMs, Math.ceil(seconds * 10_000));
  // What the verdicts try is not what the migration sends.
  const sent = { ...commands };
  const left = outside?.take() ?? [];
  const found = await inspect(scratch, target.database, step.name);
  if (goesOn && failure === null) await scratch.keep();
  const sample = await sampled(scratch);
  const verification = failure === null && !back ? await validateRehearsed(rehearsal, sample) : [];
  const verdicts = await judge(rehearsal, back ? 'This was its way back.' : failure && 'Up failed.');
  if (way) verdicts.reversible = way;
  return {
    step: step.name,
    kind: migration.kind,
    succeeded: failure === null,
    error: failure === null ? null : describeError(failure.error, { file: migration.file, root: scope.root }),
    sampled: sample,
    verification,
    commands: sent,
    collections: found.collections,
    diffs: found.diffs,
    refusedByValidator: found.refusedByValidator,
    ...verdicts,
    estimate: await estimate(rehearsal, found, seconds, changed),
    warnings: [...found.warnings, ...unseen, ...left],
  };
}

function isBack({ recorder }: RunScope): boolean {
  return recorder.document.direction === 'down';
}

/** The author's own way back, or that of the journal; of that one gives what it says about the migration. */
async function goBack(
  { scope, scratch, migration, step, extras }: Rehearsal,
  appliedBy: string | undefined,
): Promise<Verdict | undefined> {
  const { definition } = migration;
  if (hasOwnWayBack(migration) || definition.irreversible || appliedBy === undefined) {
    const own = { ...step, journal: `${scope.recorder.id}-down` };
    await rollBackMigration(scope, migration, own, undefined, extras);
    return undefined;
  }
  const { client, target } = scope.connection;
  const way = { run: appliedBy, step: step.name, database: target.database };
  const { inPart, tooMuch } = await copyJournal(scratch, client, way);
  if (tooMuch.length > 0) {
    const names = tooMuch.map((name) => `"${name}"`).join(', ');
    return unknown(
      `It would be taken back from its journal, which speaks of more documents of ${names} than the sample has. ` +
        'Try it with `--sample all`.',
    );
  }
  const names = inPart.map((name) => `"${name}"`).join(', ');
  const part = names === '' ? '' : ` Of ${names} the documents of the journal were looked at.`;
  const { conflicts } = await rollBackMigration(scope, migration, step, appliedBy, extras);
  if (conflicts === 0)
    return { answer: 'yes', details: `It is taken back from its journal, without a conflict.${part}` };
  const left = conflicts === 1 ? '1 change was' : `${conflicts} changes were`;
  return {
    answer: 'no',
    details: `It is taken back from its journal, but ${left} written over since and would be left alone.${part}`,
  };
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

/** Leads a script's commands to the scratch databases, and counts them. */
export function doorExtras(scratch: Scratch, commands: Record<string, number>): DoorExtras {
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
export async function touchDeclared(
  scratch: Scratch,
  { definition }: LoadedMigration,
  scope: RunScope,
): Promise<void> {
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

/** A sample that was taken for an earlier migration may hold nothing of what this one looks for. */
async function missedBySample(
  { migration, scratch, scope }: Rehearsal,
  changed: ReadonlySet<string>,
): Promise<string[]> {
  const { definition } = migration;
  if (!isTransform(definition) || !definition.filter || !changed.has(definition.source)) return [];
  const touched = await scratch.touched();
  const source = touched.find(
    ({ database, collection }) =>
      database === scope.connection.target.database && collection === definition.source,
  );
  if (!source || source.copied >= source.of) return [];
  if (await scope.db.collection(definition.source).findOne(definition.filter)) return [];
  return [
    `None of the sampled documents of "${definition.source}" matches its filter: the sample was taken for an earlier ` +
      'migration. With `--sample all` nothing is missed.',
  ];
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
  changed: ReadonlySet<string>,
): Promise<DryRunReport['estimate']> {
  const { definition } = migration;
  const { documents, of } = await sampled(scratch);
  if (documents === 0 || found.changedDocuments === 0) {
    return { documents: found.changedDocuments, seconds: null, growthBytes: 0 };
  }
  let expected = Math.round(found.changedDocuments * (of / documents));
  if (isTransform(definition) && !changed.has(definition.source)) {
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
