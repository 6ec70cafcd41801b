// How a rule tells what it has found.
import type { Finding, LintContext } from './finding';
import type { LintedMigration } from './migration';
import type { Node } from './nodes';
import { endOf, startOf } from './nodes';
import type { LintRuleId } from './rules';

export type RawFinding = Omit<Finding, 'severity' | 'fixes'> & Partial<Pick<Finding, 'severity' | 'fixes'>>;
export type Details = Pick<RawFinding, 'severity' | 'fixes' | 'question'>;

/** @param where what is underlined. */
export type Report = (
  rule: LintRuleId,
  where: Node | { start: number; end: number },
  message: string,
  action: string,
  details?: Details,
) => void;

export type Rule = (migration: LintedMigration, report: Report, context: LintContext) => void;

export function reporter(into: RawFinding[], index: number): Report {
  return (rule, where, message, action, details) => {
    const range =
      'type' in where ? { start: startOf(where), end: endOf(where) } : { start: where.start, end: where.end };
    into.push({ rule, ...range, message, action, index, ...details });
  };
}
