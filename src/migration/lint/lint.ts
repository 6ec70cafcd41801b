// Lint of one file: parses it (once, with its outline), runs the rules, leaves out what is suppressed or turned off.
// Pure; it never stops anything, it only tells.
import { basename, extname } from 'node:path';
import { outlineProgram } from '../outlineJavaScript';
import { parseModule } from '../parseModule';
import type { Finding, LintContext } from './finding';
import { suppressionFix } from './fixes';
import { Lines } from './lines';
import { readMigrations } from './migration';
import { lintPython } from './python';
import { filterRules } from './filters';
import { indexRules } from './indexes';
import { filesOfOneVersion, ledgerRules } from './ledger';
import { optionRules } from './options';
import { pipelineRules } from './pipelines';
import { promiseRules } from './promises';
import { type RawFinding, reporter, type Rule } from './report';
import { reshapingRules } from './reshaping';
import { reversalRules } from './reversal';
import { type LintRuleId, lintRules } from './rules';
import { serverRules } from './server';
import { readSuppressions, Suppressions } from './suppression';
import { typeRules } from './types';
import { valueRules } from './values';

const rules: readonly Rule[] = [
  ...reversalRules,
  ...filterRules,
  ...indexRules,
  ...reshapingRules,
  ...pipelineRules,
  ...promiseRules,
  ...valueRules,
  ...optionRules,
  ...serverRules,
  ...typeRules,
  ...ledgerRules,
];

/** Longer texts (UTF-16 units) are not looked at: lint must never make an editor wait. */
const longestText = 500_000;

/**
 * What the rules find in a file, in the order of the text. Never throws; a text that does not parse has no findings.
 * @param fileName its extension tells the language; a path will do.
 */
export function lintSource(text: string, fileName: string, context: LintContext = {}): Finding[] {
  if (text.length > longestText) return [];
  try {
    const python = extname(fileName) === '.py';
    const linted = python ? lintPython(text, fileName, context) : lintJavaScript(text, fileName, context);
    sameVersion(linted.found, text, fileName, context);
    return settle(linted, python, context);
  } catch (error) {
    // The parser recurses: only a text nested thousands of levels deep gets here.
    if (error instanceof RangeError) return [];
    throw error;
  }
}

interface Linted {
  found: RawFinding[];
  suppressions: Suppressions;
}

function lintJavaScript(text: string, fileName: string, context: LintContext): Linted {
  const parsed = parseModule(text, fileName, true);
  if ('problem' in parsed) return { found: [], suppressions: new Suppressions([], new Lines(text)) };
  const { program, comments } = parsed;
  const { outline, objects } = outlineProgram(program, fileName);
  const found: RawFinding[] = [];
  const lines = new Lines(text);
  for (const migration of readMigrations(program, lines, outline.entries, objects)) {
    const report = reporter(found, migration.entry.index);
    for (const rule of rules) rule(migration, report, context);
  }
  return {
    found,
    suppressions: new Suppressions(readSuppressions(comments, lines, program), lines, program),
  };
}

function sameVersion(found: RawFinding[], text: string, fileName: string, { files = [] }: LintContext): void {
  const [other] = filesOfOneVersion(basename(fileName), files);
  if (other === undefined) return;
  const end = Math.max(1, text.search(/\r?\n|$/));
  found.push({
    rule: 'L25',
    start: 0,
    end,
    message: `${other} has the same version, so the rest of their names decides which one runs first.`,
    action: 'Give one of them a later one.',
  });
}

/** What these find depends on more than the text: a suppression may be needed on another day, or another database. */
const beside: ReadonlySet<LintRuleId> = new Set(['L8', 'L11', 'L21', 'L22', 'L24', 'L25', 'L26']);
const ofPython: ReadonlySet<LintRuleId> = new Set(['L1', 'L3', 'L6', 'L15']);

/** Suppressions, levels, order; what was found twice on different ways through the code is told once. */
function settle({ found, suppressions }: Linted, python: boolean, { levels = {} }: LintContext): Finding[] {
  const comment = python ? '#' : '//';
  const seen = new Set<string>();
  const findings: Finding[] = [];
  for (const raw of [...found, ...suppressions.problems()]) {
    const level = levels[raw.rule] ?? raw.severity ?? lintRules[raw.rule].severity;
    const key = `${raw.rule} ${raw.start} ${raw.end}`;
    if (level === 'off' || seen.has(key)) continue;
    seen.add(key);
    if (raw.rule !== 'L0' && suppressions.covers(raw)) continue;
    const line = suppressions.lineFor(raw);
    const fixes = [...(raw.fixes ?? [])];
    if (raw.rule !== 'L0') fixes.push(suppressionFix(raw.rule, line, suppressions.lines, comment));
    findings.push({ ...raw, severity: level, fixes });
  }
  const sure = (rule: LintRuleId): boolean =>
    levels[rule] !== 'off' && !beside.has(rule) && (!python || ofPython.has(rule));
  if (levels.L0 !== 'off') {
    for (const hint of suppressions.unneeded(sure)) findings.push({ fixes: [], ...hint, severity: 'hint' });
  }
  return findings.sort((a, b) => a.start - b.start || a.end - b.end);
}
