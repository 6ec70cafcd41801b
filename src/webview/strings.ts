// Every text of the panel, English by default. The host sends the same keys in the person's language by
// message; what it leaves out stays English. `{name}` is filled in, `key.one` and `key.other` are plurals.

export const english = {
  'mode.up': 'Run',
  'mode.down': 'Roll back',
  'mode.dry-run': 'Dry run',
  'mode.validate': 'Validate',
  'mode.verify': 'Verify',

  'state.planned': 'Waiting',
  'state.checking': 'Checking',
  'state.running': 'Running',
  'state.running.dry-run': 'Rehearsing',
  'state.pausing': 'Pausing',
  'state.paused': 'Paused',
  'state.resuming': 'Resuming',
  'state.cancelling': 'Cancelling',
  'state.verifying': 'Verifying',
  'state.applied': 'Applied',
  'state.applied.dry-run': 'Succeeded',
  'state.applied.validate': 'Checks passed',
  'state.applied.verify': 'Verified',
  'state.failed': 'Failed',
  'state.failed.validate': 'A check failed',
  'state.failed.verify': 'Verification failed',
  'state.rolling-back': 'Rolling back',
  'state.rolled-back': 'Rolled back',
  'state.rolled-back.up': 'Failed and rolled back',
  'state.conflicts': 'Rolled back with conflicts',
  'state.cancelled': 'Cancelled',
  'state.interrupted': 'Interrupted',
  'explain.interrupted':
    'The program that ran this has stopped reporting. Continue it: transforms go on where they stopped; what a script did is undone first, then it runs again.',

  'header.migrations.one': '{n} migration',
  'header.migrations.other': '{n} migrations',
  'header.target': 'Target',
  'header.production': 'Production',
  'header.elapsed': 'Elapsed',
  'header.startedBy': 'Started by',
  'header.by': '{program} on {host}',
  'header.startedAt': 'Started {time}',
  'program.vscode': 'VS Code',
  'program.cli': 'Command line',
  'program.library': 'A program',

  'button.pause': 'Pause',
  'button.resume': 'Resume',
  'button.cancel': 'Cancel',
  'button.pause.hint': 'Stops after the current batch',
  'button.resume.hint': 'Goes on where the run was paused',
  'button.cancel.hint': 'Stops after the current batch',
  'button.why.pausing': 'The current batch is being finished',
  'button.why.cancelling': 'The run is being cancelled',
  'button.why.early': 'Possible as soon as documents are being changed',
  'button.why.late': 'The changes are made; this is nearly finished',
  'button.why.rollingBack': 'Documents are being restored',
  'button.run': 'Run',
  'button.runAgain': 'Run again',
  'button.runAll': 'Run all',
  'button.goOn': 'Continue run',
  'button.rollBack': 'Roll back',
  'button.rollBackAll': 'Roll back all',
  'button.rollBackRest': 'Roll back the rest',
  'button.rollBackAgain': 'Roll back again',
  'button.dryRun': 'Dry run',
  'button.dryRunAgain': 'Dry run again',
  'button.validate': 'Validate',
  'button.validateAgain': 'Validate again',
  'button.of': '{action}: {name}',

  'progress.title': 'Progress',
  'progress.documents': 'Documents',
  'progress.ofTotal': 'of {total}',
  'progress.handled': 'handled',
  'progress.rate': 'Rate',
  'progress.perSecond': '{n}/s',
  'progress.left': 'Time left',
  'progress.took': 'Took',
  'progress.batch': 'Batch',
  'progress.milliseconds': '{n} ms',
  'progress.errors': 'Errors',
  'progress.quarantined': 'Quarantined',
  'progress.conflicts': 'Conflicts',
  'progress.unknown': 'unknown',
  'progress.chart.one': 'Documents per second over the last second, at most {max}',
  'progress.chart.other': 'Documents per second over the last {n} seconds, at most {max}',
  'progress.peak': 'peak {n}/s',

  'steps.title': 'Migrations',
  'steps.done': '{done} of {total} done',
  'steps.show': 'Show {name}',

  'checks.title': 'Checks',
  'verification.title': 'Verification',
  'checks.failed': 'Failed',
  'checks.warning': 'Warning',
  'checks.info': 'Note',
  'checks.skipped': 'Skipped',
  'checks.passed': 'Passed',
  'checks.sum.passed.one': '{n} check passed',
  'checks.sum.passed.other': '{n} checks passed',
  'checks.sum.failed.one': '{n} failed',
  'checks.sum.failed.other': '{n} failed',
  'checks.sum.warning.one': '{n} warning',
  'checks.sum.warning.other': '{n} warnings',
  'checks.toDo': 'What to do:',

  'error.title': 'What went wrong',
  'error.open': 'Open {place}',
  'error.cause': 'Caused by',
  'error.stack': 'Stack trace',
  'error.toDo': 'What to do:',

  'report.title': 'Dry-run report',
  'report.ranOn.all': 'Rehearsed on a scratch copy of all {n} documents. The real database was not written.',
  'report.ranOn.some':
    'Rehearsed on a scratch copy of {n} of {of} documents. The real database was not written.',
  'report.up': 'Up',
  'report.up.yes': 'Succeeded',
  'report.up.no': 'Failed',
  'report.up.details': 'The migration ran to its end.',
  'report.repeatable': 'Repeatable',
  'report.reversible': 'Reversible',
  'report.yes': 'Yes',
  'report.no': 'No',
  'report.unknown': 'Not known',
  'report.estimate': 'For the whole data',
  'report.estimate.documents': 'Documents',
  'report.estimate.seconds': 'Duration',
  'report.estimate.growth': 'Growth',
  'report.estimate.about': 'about {value}',
  'report.refused.one': 'A validator would refuse {n} document.',
  'report.refused.other': 'A validator would refuse {n} documents.',
  'report.collections': 'Collections',
  'report.collection': 'Collection',
  'report.scanned': 'Scanned',
  'report.changed': 'Changed',
  'report.inserted': 'Inserted',
  'report.deleted': 'Deleted',
  'report.indexes': 'Indexes and options',
  'report.commands': 'Commands',
  'report.warnings': 'Look at this',
  'report.nothing': 'No collection was touched.',

  'diff.title': 'Sampled documents',
  'diff.open': 'Open diff',
  'diff.openOf': 'Open diff of {id}',
  'diff.field': 'Field',
  'diff.before': 'Before',
  'diff.after': 'After',
  'diff.absent': 'not there',
  'diff.added': 'Added',
  'diff.removed': 'Removed',
  'diff.changed': 'Changed',
  'diff.newDocument': 'New document',
  'diff.goneDocument': 'Deleted document',
  'diff.sameDocument': 'Not changed',
  'diff.reordered': 'Only the order of the fields changed',
  'diff.unchanged.one': '{n} unchanged field',
  'diff.unchanged.other': '{n} unchanged fields',
  'diff.more.one': '… {n} more character',
  'diff.more.other': '… {n} more characters',

  'conflicts.title': 'Conflicts',
  'conflicts.explain':
    'These documents were changed after the migration wrote them, so they were left as they are.',
  'conflicts.document': 'Document',
  'conflicts.reason': 'Reason',
  'conflicts.current': 'Now',
  'conflicts.was': 'To be restored',
  'conflicts.deleted': 'deleted',
  'conflicts.restore': 'Restore',
  'conflicts.restoreAll': 'Restore all',
  'conflicts.restore.hint': 'Puts the document back as it was before the run, over what others wrote since',
  'conflicts.keep': 'Keep',
  'conflicts.keepAll': 'Keep all',
  'conflicts.keep.hint': 'Leaves the document as it is now',
  'quarantine.title': 'Quarantine',
  'quarantine.explain':
    'These documents could not be migrated. They are unchanged and can be retried after a fix.',
  'quarantine.retry': 'Retry',
  'quarantine.retry.hint': 'Runs the migration on these documents again',
  'quarantine.discard': 'Discard…',
  'quarantine.discard.hint': 'Forgets these documents; they stay as they are',
  'table.collection': 'Collection',
  'table.shown': '{shown} of {total} shown.',
  'table.more': 'Show more',
  'table.absent': '{n} counted; the rows are not part of this view.',
  'table.capped.one': 'The panel holds only the newest {n} row.',
  'table.capped.other': 'The panel holds only the newest {n} rows.',

  'log.title': 'Log',
  'log.copy': 'Copy log',
  'log.copied': 'Copied',
  'log.output': 'Show output',
  'log.lines': 'Log lines',
  'log.earlier': 'Show earlier lines',
  'log.info': 'Info',
  'log.warn': 'Warning',
  'log.error': 'Error',

  'page.title': 'Migration run',
  'page.waiting': 'Waiting for the run …',
  'page.gone': 'This run cannot be shown',
  'page.broken': 'This part could not be shown: {message}',

  'announce.state': '{name}: {state}',
  'announce.progress': '{percent} done',
} as const;

export type StringKey = keyof typeof english;
/** Keys that come as `key.one` and `key.other`. */
export type PluralKey = StringKey extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

let table: Record<string, string> = english;
let rules = new Intl.PluralRules('en');

/** Takes over the texts of a language; unknown keys are ignored, missing ones stay English. */
export function setStrings(strings: Record<string, string>, language: string): void {
  const known = Object.entries(strings).filter(([key, text]) => key in english && typeof text === 'string');
  table = { ...english, ...Object.fromEntries(known) };
  rules = new Intl.PluralRules(supported(language));
}

/** The language itself when Intl knows it, else English. */
export function supported(language: string): string {
  try {
    return Intl.NumberFormat.supportedLocalesOf(language)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export function text(key: StringKey, values: Record<string, string> = {}): string {
  return fill(table[key] ?? key, values);
}

/** The text of `key` for `count`; `{n}` is `shown`, the count as people of the language write it. */
export function plural(
  key: PluralKey,
  count: number,
  shown: string,
  values: Record<string, string> = {},
): string {
  const form = table[`${key}.${rules.select(count)}`] ?? table[`${key}.other`] ?? key;
  return fill(form, { n: shown, ...values });
}

/** The text of the first key that exists, for words that some modes say differently. */
export function firstText(...keys: string[]): string {
  const key = keys.find((key) => key in english);
  return key === undefined ? (keys.at(-1) ?? '') : text(key as StringKey);
}
