// What the ledger and the other files say: edited after it was applied (L24), names and order that are not clear (L25).
import type { LintContext } from './finding';
import type { OutlineEntry } from '../outline';
import type { Report, Rule } from './report';

export const ledgerRules: Rule[] = [
  ({ entry, text }, report, context) => {
    tellLedger(entry, text, report, context);
  },
];

/** The same for every language. */
export function tellLedger(entry: OutlineEntry, text: string, report: Report, context: LintContext): void {
  const { name, start } = entry;
  if (name === null) return;
  const line = /^[^\r\n]*/.exec(text.slice(start))?.[0] ?? '';
  const head = { start, end: start + Math.max(1, line.trimEnd().length) };
  if (context.changed?.has(name)) {
    report(
      'L24',
      head,
      `"${name}" was edited after it was applied: databases that have it are not as this file says.`,
      'Put the change into a new migration, or accept the file as it is.',
    );
  }
  if (context.duplicates?.has(name)) {
    report('L25', head, `Another migration is called "${name}" too.`, 'Rename one of them.');
  } else if (context.outOfOrder?.has(name)) {
    report(
      'L25',
      head,
      `"${name}" is not applied, but later ones are.`,
      'Give it a later name, so that every database runs them in one order.',
      { severity: 'warn' },
    );
  }
}

/** Files with one version (the digits that a name begins with): the rest of their names decides the order. */
export function filesOfOneVersion(fileName: string, files: readonly string[]): string[] {
  const version = versionOf(fileName);
  if (version === undefined) return [];
  return files.filter((file) => file !== fileName && versionOf(file) === version);
}

/** Not the year of `2024-01-31-name`. */
function versionOf(fileName: string): string | undefined {
  return /^(\d+)(?=[-_.](?!\d))/.exec(fileName)?.[1];
}
