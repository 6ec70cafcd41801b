// The lint rules by their ids: what each looks for and how severe it is when nobody says otherwise. Each has a page,
// docs/lint/<id>.md.
import { closest } from 'fastest-levenshtein';

export type LintSeverity = 'warn' | 'error';
/** What a config or a setting says of a rule. */
export type LintLevel = 'off' | LintSeverity;

export interface LintRule {
  /** What it finds, in a few words. */
  title: string;
  severity: LintSeverity;
}

export const lintRules = {
  L0: { title: 'A suppression without a reason, or of a rule that does not exist', severity: 'warn' },
  L1: { title: 'No way back', severity: 'warn' },
  L2: { title: 'The way back loses data', severity: 'error' },
  L3: { title: 'A change of all documents, without a filter', severity: 'error' },
  L4: { title: 'A change that adds up when it is made twice', severity: 'error' },
  L5: { title: 'Objects compared with the order of their fields', severity: 'warn' },
  L6: { title: 'A database, a collection or all indexes dropped', severity: 'error' },
  L7: { title: 'Documents and indexes changed in one migration', severity: 'warn' },
  L8: { title: 'A unique index without a look for duplicates', severity: 'error' },
  L9: { title: 'A TTL index on documents that are there already', severity: 'warn' },
  L10: { title: 'A collection or field renamed in one step', severity: 'warn' },
  L11: { title: '$out over an existing collection, $merge into its own source', severity: 'warn' },
  L12: { title: '$merge that leaves open what happens to matches', severity: 'warn' },
  L13: { title: 'A transaction around work without a bound', severity: 'error' },
  L14: { title: 'A promise that nobody awaits, or too many at once', severity: 'error' },
  L15: { title: 'A whole collection read into memory', severity: 'warn' },
  L16: { title: 'Read, computed and written without a guard', severity: 'warn' },
  L17: { title: 'Values that differ each time the migration runs', severity: 'warn' },
  L18: { title: 'A write concern below majority, reads from secondaries', severity: 'error' },
  L19: { title: 'Validation turned off', severity: 'warn' },
  L20: { title: 'JavaScript that runs on the server', severity: 'warn' },
  L21: { title: 'Something that the server is too old for', severity: 'error' },
  L22: { title: 'A database named in the code', severity: 'warn' },
  L23: { title: 'Field names that are read as something else', severity: 'warn' },
  L24: { title: 'Edited after it was applied', severity: 'error' },
  L25: { title: 'Names or order that are not clear', severity: 'error' },
  L26: { title: 'Numbers of another type than the validator wants', severity: 'warn' },
} as const satisfies Record<string, LintRule>;

export type LintRuleId = keyof typeof lintRules;
/** Levels by rule; rules that are not named keep their own. */
export type LintLevels = { [rule in LintRuleId]?: LintLevel };

export const lintRuleIds = Object.keys(lintRules) as LintRuleId[];

export function isLintRule(id: string): id is LintRuleId {
  return Object.hasOwn(lintRules, id);
}

/** The rule that a misspelt id most likely means. */
export function nearestLintRule(id: string): string {
  return closest(id.toUpperCase(), lintRuleIds);
}
