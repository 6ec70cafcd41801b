// From the outline of a file and what is known about its migrations to the code lenses above them: a pure
// function. Which lenses a state gets is decided here and nowhere else.
import type { OutlineEntry } from '../migration/outline';
import { Command } from './manifest';
import type { MigrationRow } from './rows';
import { rowOf } from './rows';
import type { Translate } from './words';
import { dryRunWords, stateWords } from './words';

/** What a lens (or a tree row) hands to a command: exactly this migration, on exactly this connection. */
export interface MigrationRef {
  name: string;
  file?: string;
  index: number;
  /** Id of the connection that was shown when it was clicked. */
  connection?: string;
}

/** What a lens is about; all but running ones and trust can be left out by a setting. */
export type LensKind = LensAction | 'control' | 'state' | 'lastDryRun' | 'target' | 'trust';

export interface LensSpec {
  kind: LensKind;
  /** Where it stands: offset in the text. */
  offset: number;
  title: string;
  tooltip: string;
  command: string;
  arguments: unknown[];
}

export interface LensContext {
  file: string;
  rows: readonly MigrationRow[];
  /** The connection of this file: its id and its target in words. */
  connection?: { id: string; words: string; production: boolean; readOnly: boolean };
  /** The database is being asked for the states right now. */
  asking: boolean;
  trusted: boolean;
  now: number;
  t: Translate;
}

/** The editor lays icon and words out as flex items, which swallows a plain space between them. */
const gap = '\u00a0';

type LensAction = 'run' | 'dryRun' | 'rollBack' | 'validate' | 'compare';
/** The rarer ones stand in the menu of the tree and in the palette only. */
export type Action =
  | LensAction
  | 'retryQuarantine'
  | 'discardQuarantine'
  | 'keepConflicts'
  | 'restoreConflicts'
  | 'acceptChanged'
  | 'markApplied'
  | 'markPending';

/** Everything that can be done with a migration in its state. */
export function waysOf(row: MigrationRow): Action[] {
  if (row.active || row.state === 'not-checked') return actionsOf(row);
  const held: Action[] = row.quarantined ? ['retryQuarantine', 'discardQuarantine'] : [];
  const undecided: Action[] = row.state === 'conflicts' ? ['keepConflicts', 'restoreConflicts'] : [];
  const drift: Action[] = row.state === 'changed' ? ['acceptChanged'] : [];
  const marks: Action[] = [row.appliedAt === null ? 'markApplied' : 'markPending'];
  return [...actionsOf(row), ...held, ...undecided, ...drift, ...marks];
}

/** The actions that make sense in a state; none while something runs. */
export function actionsOf(row: MigrationRow): LensAction[] {
  if (row.active) return [];
  const back: LensAction[] = row.reversible ? ['rollBack'] : [];
  switch (row.state) {
    case 'applied':
      return back;
    case 'changed':
    case 'missing':
      return [...back, 'compare'];
    case 'conflicts':
      return back;
    case 'failed':
    case 'interrupted':
      return ['run', 'dryRun', ...back, 'validate'];
    case 'running':
      return [];
    default:
      return ['run', 'dryRun', 'validate'];
  }
}

export function lensesFor(entries: readonly OutlineEntry[], context: LensContext): LensSpec[] {
  // Each entry looks at the rows that can be its own, however many there are.
  const byName = new Map<string, MigrationRow[]>();
  const byIndex = new Map<number, MigrationRow[]>();
  for (const row of context.rows) {
    add(byName, row.name, row);
    if (row.file === context.file) add(byIndex, row.index, row);
  }
  return entries.flatMap((entry) => {
    const named = entry.name === null ? [] : (byName.get(entry.name) ?? []);
    return entryLenses(entry, { ...context, rows: [...named, ...(byIndex.get(entry.index) ?? [])] });
  });
}

function add<K>(rows: Map<K, MigrationRow[]>, key: K, row: MigrationRow): void {
  const there = rows.get(key);
  if (there) there.push(row);
  else rows.set(key, [row]);
}

function entryLenses(entry: OutlineEntry, context: LensContext): LensSpec[] {
  const { t } = context;
  const at: At = (kind, title, tooltip, command, ...args) => ({
    kind,
    offset: entry.start,
    title,
    tooltip,
    command,
    arguments: args,
  });
  if (!context.trusted) {
    return [
      at(
        'trust',
        `$(shield)${gap}${t('Restricted Mode')}`,
        t('Migrations are code: they run only in a trusted workspace. Click to manage trust.'),
        'workbench.trust.manage',
      ),
    ];
  }
  const row = rowOf(context.rows, context.file, entry);
  const ref: MigrationRef = {
    name: row?.name ?? entry.name ?? '',
    file: context.file,
    index: entry.index,
    connection: context.connection?.id,
  };
  const target = targetLens(context, ref, at);
  // A computed name is known as soon as the file was loaded; until then nothing can be said or started.
  if (!row || !row.nameKnown) return [target];
  return [
    ...actionsOf(row).map((action) => actionLens(action, ref, context, at)),
    ...controlLenses(row, t, at),
    stateLens(row, ref, context, at),
    target,
    ...lastDryRunLens(row, ref, context, at),
  ];
}

type At = (kind: LensKind, title: string, tooltip: string, command: string, ...args: unknown[]) => LensSpec;

function actionLens(action: LensAction, ref: MigrationRef, { t, connection }: LensContext, at: At): LensSpec {
  const where = connection?.words ?? t('a connection that you choose');
  const lenses: Record<LensAction, [title: string, tooltip: string]> = {
    run: [`$(play)${gap}${t('Run')}`, t('Run {0} on {1}', ref.name, where)],
    dryRun: [
      `$(beaker)${gap}${t('Dry run')}`,
      t('Rehearse {0} on a scratch copy; {1} stays as it is', ref.name, where),
    ],
    rollBack: [`$(discard)${gap}${t('Roll back')}`, t('Roll back {0} on {1}', ref.name, where)],
    validate: [
      `$(checklist)${gap}${t('Validate')}`,
      t('Check whether {0} could run on {1}; writes nothing', ref.name, where),
    ],
    compare: [`$(diff)${gap}${t('Compare')}`, t('Compare the file with what was applied on {0}', where)],
  };
  return at(action, ...lenses[action], Command[action], ref);
}

function controlLenses(row: MigrationRow, t: Translate, at: At): LensSpec[] {
  if (!row.active) return [];
  const run = { run: row.active.run };
  const cancel = at(
    'control',
    `$(debug-stop)${gap}${t('Cancel')}`,
    t('Cancel this run'),
    Command.cancelRun,
    run,
  );
  if (row.active.mode === 'dry-run' || row.active.mode === 'validate') return [cancel];
  return row.active.state === 'paused'
    ? [
        at('control', `$(debug-continue)${gap}${t('Resume')}`, t('Resume this run'), Command.resumeRun, run),
        cancel,
      ]
    : [
        at('control', `$(debug-pause)${gap}${t('Pause')}`, t('Pause this run'), Command.pauseRun, run),
        cancel,
      ];
}

const stateIcons: Record<MigrationRow['state'], string> = {
  applied: 'pass',
  pending: 'circle-outline',
  changed: 'warning',
  missing: 'warning',
  'out-of-order': 'warning',
  failed: 'error',
  interrupted: 'debug-disconnect',
  running: 'loading~spin',
  conflicts: 'warning',
  'not-checked': 'question',
};

function stateLens(row: MigrationRow, ref: MigrationRef, context: LensContext, at: At): LensSpec {
  const { t, now } = context;
  const title = `$(${stateIcon(row, context)})${gap}${stateWords(row, t, now)}`;
  const run = row.active?.run ?? row.run;
  if (run !== undefined) return at('state', title, t('Show the run'), Command.showRun, { ...ref, run });
  if (row.state === 'not-checked') {
    return at('state', title, t('Ask the database for the state of this migration'), Command.refresh);
  }
  return at('state', title, row.error?.message ?? row.description ?? row.name, Command.showRun, ref);
}

/** Before it is run: afterwards the dry run is history. */
function lastDryRunLens(row: MigrationRow, ref: MigrationRef, { t, now }: LensContext, at: At): LensSpec[] {
  const { lastDryRun } = row;
  if (!lastDryRun || row.active || row.appliedAt !== null) return [];
  const icon = !lastDryRun.passed ? 'error' : lastDryRun.outdated ? 'history' : 'beaker';
  const title = `$(${icon})${gap}${dryRunWords(lastDryRun, t, now)}`;
  const run = { ...ref, run: lastDryRun.run };
  return [at('lastDryRun', title, t('Show the dry run'), Command.showRun, run)];
}

function stateIcon(row: MigrationRow, { asking }: LensContext): string {
  if (row.active) return row.active.state === 'paused' ? 'debug-pause' : 'loading~spin';
  if (row.duplicate) return 'error';
  return row.state === 'not-checked' && asking ? 'loading~spin' : stateIcons[row.state];
}

function targetLens({ connection, t }: LensContext, ref: MigrationRef, at: At): LensSpec {
  if (!connection) {
    return at(
      'target',
      `$(plug)${gap}${t('no connection')}`,
      t('Choose a connection'),
      Command.selectConnection,
      {
        file: ref.file,
      },
    );
  }
  const marks = [
    ...(connection.production ? [t('production')] : []),
    ...(connection.readOnly ? [t('read-only')] : []),
  ];
  const title = `$(database)${gap}${[connection.words, ...marks].join(' · ')}`;
  return at('target', title, t('Choose another connection for this file'), Command.selectConnection, {
    file: ref.file,
  });
}
