// `// migrate-ignore L3, L4: why` takes findings out: on its line, on the statement or migration below it, and at the top
// of a file in all of it. Without a reason it counts for nothing and is a finding itself (L0).
import type * as Babel from '@babel/types';
import type { Fix } from './finding';
import type { Lines } from './lines';
import { children, endOf, type Node, startOf } from './nodes';
import type { RawFinding } from './report';
import { isLintRule, type LintRuleId, nearestLintRule } from './rules';

export interface Suppression {
  rules: string[];
  reason: string;
  /** Where the reason belongs in the text, or is. */
  reasonAt: { start: number; end: number };
  /** Where the rules are named, and whether the comment says nothing else. */
  rulesAt: { start: number; end: number };
  alone: boolean;
  start: number;
  end: number;
  /** The line of code that it belongs to, or the whole file. */
  scope: number | 'file';
}

const pattern = /\bmigrate-ignore\b[ \t]*([^:\r\n]*?)[ \t]*(?::[ \t]*(.*?))?[ \t]*$/m;

interface CommentText {
  value: string;
  /** Where `value` begins, behind the comment's mark. */
  from: number;
  start: number;
  end: number;
}

/** @param firstCode offset of the first thing in the file that is no comment. */
export function suppressionsIn(comments: CommentText[], lines: Lines, firstCode: number): Suppression[] {
  const ofComments = new Set<number>();
  for (const { start, end } of comments) {
    if (!lines.isFirst(start)) continue;
    for (let line = lines.lineOf(start); line <= lines.lineOf(end - 1); line++) ofComments.add(line);
  }
  return comments.flatMap(({ value, from, start, end }): Suppression[] => {
    const match = pattern.exec(value);
    if (!match) return [];
    const [all, ids = '', reason = ''] = match;
    const rules = ids.split(/[\s,]+/).filter((id) => id !== '');
    const reasonAt = {
      start: from + match.index + (ids === '' ? all.trimEnd().length : all.indexOf(ids) + ids.length),
      end: from + match.index + all.length,
    };
    const named = from + match.index + all.indexOf(ids);
    const rulesAt = { start: named, end: named + ids.length };
    const alone = value.replace(all, '').trim() === '';
    const scope = scopeOf(start, end);
    return [{ rules, reason: reason.trim(), reasonAt, rulesAt, alone, start, end, scope }];
  });

  function scopeOf(start: number, end: number): number | 'file' {
    if (end <= firstCode) return 'file';
    if (!lines.isFirst(start)) return lines.lineOf(start);
    let line = lines.lineOf(end) + 1;
    // What others say about the same code may stand between.
    while (ofComments.has(line)) line++;
    return line;
  }
}

export function readSuppressions(
  comments: Babel.Comment[],
  lines: Lines,
  program: Babel.Program,
): Suppression[] {
  const [first] = [...program.directives, ...program.body];
  const texts = comments.map(({ value, start, end }) => {
    return { value, from: (start ?? 0) + 2, start: start ?? 0, end: end ?? 0 };
  });
  return suppressionsIn(texts, lines, first ? startOf(first) : lines.text.length);
}

export class Suppressions {
  /** What each has taken out. */
  readonly #used = new Map<Suppression, Set<string>>();

  constructor(
    private readonly all: Suppression[],
    readonly lines: Lines,
    /** Without one, lines are all that counts. */
    private readonly program?: Babel.Program,
    /** Stretches that a suppression above them covers as a whole. */
    private readonly stretches: readonly { start: number; end: number }[] = [],
  ) {}

  covers(finding: RawFinding): boolean {
    const valid = this.all.filter(({ rules, reason }) => reason !== '' && rules.includes(finding.rule));
    if (valid.length === 0) return false;
    const lines = new Set([this.lines.lineOf(finding.start), ...this.#around(finding)]);
    const covering = valid.filter(({ scope }) => scope === 'file' || lines.has(scope));
    for (const one of covering) this.#used.set(one, (this.#used.get(one) ?? new Set()).add(finding.rule));
    return covering.length > 0;
  }

  /** Hints at what has taken out nothing, once all findings were asked about. @param sure rules that would have found it. */
  unneeded(sure: (rule: LintRuleId) => boolean): RawFinding[] {
    return this.all.flatMap((one) => {
      if (problemOf(one)) return [];
      const idle = one.rules.filter(
        (rule) => !this.#used.get(one)?.has(rule) && isLintRule(rule) && sure(rule),
      );
      return idle.length === 0 ? [] : [hintAt(one, idle, this.lines)];
    });
  }

  /** The line above which a suppression of this finding can stand. */
  lineFor(finding: RawFinding): number {
    const line = this.lines.lineOf(finding.start);
    return this.program ? (this.#around(finding).at(-1) ?? line) : line;
  }

  problems(): RawFinding[] {
    return this.all.flatMap((one) => problemOf(one) ?? []);
  }

  /** Lines where something begins that holds the finding, outermost first. */
  #around(finding: RawFinding): number[] {
    const found: number[] = [];
    const holds = ({ start, end }: { start: number; end: number }): boolean =>
      start <= finding.start && end >= finding.end;
    for (const stretch of this.stretches) if (holds(stretch)) found.push(this.lines.lineOf(stretch.start));
    let node: Node | undefined = this.program;
    while (node) {
      if (begins(node) && this.lines.isFirst(startOf(node))) found.push(this.lines.lineOf(startOf(node)));
      node = children(node).find((child) => holds({ start: startOf(child), end: endOf(child) }));
    }
    return found;
  }
}

/** What may have a comment above it: statements, properties, elements of arrays. */
function begins({ type }: Node): boolean {
  if (type === 'BlockStatement' || type === 'TemplateLiteral') return false;
  return /(?:Statement|Declaration|Property|Method|Assignment)$/.test(type) || type === 'ObjectExpression';
}

function problemOf({ rules, reason, reasonAt, start, end }: Suppression): RawFinding | undefined {
  const unknown = rules.find((id) => !isLintRule(id));
  if (unknown !== undefined) {
    return {
      rule: 'L0',
      start,
      end,
      message: `There is no rule ${unknown} to ignore.`,
      action: `Did you mean ${nearestLintRule(unknown)}?`,
    };
  }
  if (rules.length === 0) {
    return {
      rule: 'L0',
      start,
      end,
      message: 'This says no rule that it ignores, so it ignores none.',
      action: 'Name one: `migrate-ignore L3: why`.',
    };
  }
  if (reason !== '') return undefined;
  return {
    rule: 'L0',
    start,
    end,
    message: `${rules.join(', ')} cannot be ignored without a reason, so this counts for nothing.`,
    action: 'Say why behind a colon, for whoever reads it next year.',
    fixes: [reasonFix(reasonAt)],
  };
}

function reasonFix({ start, end }: { start: number; end: number }): Fix {
  return { kind: 'add-reason', edits: [{ start, end, text: ': why', placeholder: 'why' }] };
}

function hintAt(one: Suppression, idle: readonly string[], lines: Lines): RawFinding {
  const ids = idle.join(', ');
  const left = one.rules.filter((rule) => !idle.includes(rule));
  const edit =
    left.length > 0
      ? { ...one.rulesAt, text: left.join(', ') }
      : one.alone
        ? commentEdit(one, lines)
        : undefined;
  return {
    rule: 'L0',
    severity: 'hint',
    start: one.start,
    end: one.end,
    message: `${ids} ${idle.length === 1 ? 'finds' : 'find'} nothing here, so there is nothing to ignore.`,
    action: 'Remove it: whoever reads it takes it for a decision.',
    fixes: edit ? [{ kind: 'drop-suppression', edits: [edit] }] : [],
  };
}

/** The comment, with its line where nothing else stands in it. */
function commentEdit(
  { start, end }: Suppression,
  lines: Lines,
): { start: number; end: number; text: string } {
  const { text } = lines;
  const rest = /[ \t]*(\r?\n|$)/y;
  rest.lastIndex = end;
  const behind = rest.exec(text);
  if (!behind) return { start, end, text: '' };
  if (lines.isFirst(start))
    return { start: lines.startOf(lines.lineOf(start)), end: end + behind[0].length, text: '' };
  const before = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  return { start: start - before, end, text: '' };
}
