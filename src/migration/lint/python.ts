// Lint of Python files, by their tokens: no way back (L1), everything at once (L3), drops (L6), a whole collection in
// memory (L15), and what the ledger says. The other rules need a syntax tree and are for JavaScript and TypeScript.
import { outlinePython } from '../outlinePython';
import { pythonTokens, type PythonToken } from '../pythonTokens';
import { helpers } from './actions';
import type { LintContext } from './finding';
import { tellLedger } from './ledger';
import { Lines } from './lines';
import { type RawFinding, type Report, reporter } from './report';
import { Suppressions, suppressionsIn } from './suppression';

export function lintPython(
  text: string,
  fileName: string,
  context: LintContext,
): { found: RawFinding[]; suppressions: Suppressions } {
  const found: RawFinding[] = [];
  const lines = new Lines(text);
  const tokens = pythonTokens(text);
  if (!tokens) return { found, suppressions: new Suppressions([], lines) };
  const { entries } = outlinePython(text, fileName);
  const kept = isForKernel(tokens);
  for (const entry of entries) {
    const report = reporter(found, entry.index);
    if (!entry.hasDown && entry.irreversible === undefined && !kept) {
      const line = /^[^\r\n]*/.exec(text.slice(entry.start))?.[0] ?? '';
      report(
        'L1',
        { start: entry.start, end: entry.start + Math.max(1, line.trimEnd().length) },
        'Without `down` this can be rolled back only as long as the journal of its run is kept.',
        'Add `down`, or mark it `irreversible` with the reason.',
      );
    }
    tellLedger(entry, text, report, context);
  }
  if (entries.length > 0) calls(tokens, reporter(found, 0));
  const stretches = [...entries, ...functions(tokens, text)];
  const all = suppressionsIn(comments(text, tokens), lines, tokens[0]?.start ?? text.length);
  return { found, suppressions: new Suppressions(all, lines, undefined, stretches) };
}

const changing =
  /^(?:(?:insert|update|replace|delete)_(?:one|many)|find_one_and_\w+|bulk_write|aggregate|(?:create|drop)_\w+|drop|rename|command|batch_update)$/;

/** Work of the helpers of `ctx` alone is journaled and undone as a transform's is. */
function isForKernel(tokens: PythonToken[]): boolean {
  const called = tokens.filter(({ type }, at) => type === 'name' && tokens[at + 1]?.text === '(');
  const byHelpers = tokens.some(
    ({ text }, at) =>
      text === 'ctx' && tokens[at + 1]?.text === '.' && helpers.has(tokens[at + 2]?.text ?? ''),
  );
  return byHelpers && !called.some(({ text }) => changing.test(text));
}

/** `.method(…)`: what stands in the text between the brackets. */
function calls(tokens: PythonToken[], report: Report): void {
  for (const [at, token] of tokens.entries()) {
    const opening = tokens[at + 1];
    if (token.type !== 'name' || tokens[at - 1]?.text !== '.' || opening?.text !== '(') continue;
    const closing = tokens.findIndex(
      (each, index) => index > at + 1 && each.depth === opening.depth && each.text === ')',
    );
    const args = tokens.slice(at + 2, closing);
    const everything = args.length === 0 || (args[0]?.text === '{' && args[1]?.text === '}');
    const isFirstOnly = (text: string): boolean =>
      args.length === 0 || (args.length === 1 && args[0]?.value === text);
    if ((token.text === 'delete_many' || token.text === 'update_many') && args.length > 0 && everything) {
      const deletes = token.text === 'delete_many';
      if (deletes ? inDown(tokens, at) : onlyTakesAway(args)) continue;
      report(
        'L3',
        token,
        deletes
          ? 'This deletes every document of the collection.'
          : 'This changes every document of the collection in one command, also those that are as they should be.',
        deletes
          ? 'Give it a filter that matches only what has to go.'
          : 'Give it a filter that matches only what is still to be done, or use `batch_update`.',
      );
    } else if (token.text === 'drop_database') {
      report(
        'L6',
        token,
        'This drops the whole database.',
        'Drop the collections that are meant, one by one.',
      );
    } else if (token.text === 'drop_indexes' && isFirstOnly('*')) {
      report(
        'L6',
        token,
        'This drops every index of the collection, also those that others need.',
        'Drop the indexes that are meant by their names.',
      );
    } else if (isDrop(tokens, at, args.length) && !inDown(tokens, at)) {
      report(
        'L6',
        token,
        'This drops a collection with all its documents.',
        'Rename it and drop it in a later migration.',
      );
    } else if (token.text === 'find' && args.length === 0 && isList(tokens, at)) {
      report(
        'L15',
        token,
        'This reads a whole collection into memory, however large it has become.',
        'Go through the cursor with `for`, or give it a filter or a `limit`.',
      );
    }
  }
}

/** `$unset` and `$rename` change nothing where there is nothing to change. */
function onlyTakesAway(args: PythonToken[]): boolean {
  const operators = args.flatMap(({ value }) => (value?.startsWith('$') ? [value] : []));
  return operators.length > 0 && operators.every((name) => name === '$unset' || name === '$rename');
}

/** `db.drop_collection(…)`, `db.movies.drop()`, `db['movies'].drop()`; lists and data frames have a `drop` too. */
function isDrop(tokens: PythonToken[], at: number, args: number): boolean {
  const name = tokens[at]?.text;
  if (name !== 'drop') return name === 'drop_collection';
  const dotted = tokens[at - 3]?.text === '.' && tokens[at - 4]?.text === 'db';
  const indexed = tokens[at - 2]?.text === ']' && tokens[at - 5]?.text === 'db';
  return args === 0 && (dotted || indexed);
}

/** `list(db.movies.find())`. */
function isList(tokens: PythonToken[], at: number): boolean {
  const depth = tokens[at]?.depth ?? 0;
  const opening = tokens
    .slice(0, at)
    .findLastIndex((token) => token.text === '(' && token.depth === depth - 1);
  return tokens[opening - 1]?.text === 'list' && tokens[at + 3]?.text === ')';
}

/** In a function whose name says that it takes something back. */
function inDown(tokens: PythonToken[], at: number): boolean {
  const def = tokens.slice(0, at).findLastIndex((token) => token.text === 'def');
  return /down|revert|rollback|undo/i.test(tokens[def + 1]?.text ?? '');
}

/** From each `def` to the next: good enough for a comment above one. */
function functions(tokens: PythonToken[], text: string): { start: number; end: number }[] {
  const starts = tokens.filter(({ text }) => text === 'def').map(({ start }) => start);
  return starts.map((start, index) => ({ start, end: (starts[index + 1] ?? text.length + 1) - 1 }));
}

/** Comments: what begins with `#` between tokens. */
function comments(
  text: string,
  tokens: PythonToken[],
): { value: string; from: number; start: number; end: number }[] {
  const gaps = [...tokens, { start: text.length, end: text.length }];
  let from = 0;
  return gaps.flatMap((token) => {
    const gap = text.slice(from, token.start);
    const offset = from;
    from = token.end;
    return [...gap.matchAll(/#([^\r\n]*)/g)].map(({ index, 0: all, 1: value = '' }) => {
      const start = offset + index;
      return { value, from: start + 1, start, end: start + all.length };
    });
  });
}
