// From the text of a JavaScript or TypeScript module to its syntax tree. Outline and lint look at the same text one after
// the other, so the tree of the last text is kept.
import { extname } from 'node:path';
import type * as Parser from '@babel/parser';
import type * as Babel from '@babel/types';

export interface SyntaxProblem {
  message: string;
  /** From 1. */
  line: number;
  column: number;
}

export type Parsed = { program: Babel.Program; comments: Babel.Comment[] } | { problem: SyntaxProblem };

let last: { text: string; fileName: string; errorRecovery: boolean; parsed: Parsed } | undefined;

/** @param errorRecovery whether a tree is wanted of a text with mistakes that the parser can pass over. */
export function parseModule(text: string, fileName: string, errorRecovery: boolean): Parsed {
  if (last?.text === text && last.fileName === fileName && last.errorRecovery === errorRecovery)
    return last.parsed;
  const parsed = parse(text, fileName, errorRecovery);
  last = { text, fileName, errorRecovery, parsed };
  return parsed;
}

/** A stretch of a module by itself, read as the module is; undefined when it does not parse. */
export function parseFragment(text: string, fileName: string): Babel.Program | undefined {
  const parsed = parse(text, fileName, true, 'module');
  return 'program' in parsed ? parsed.program : undefined;
}

function parse(
  text: string,
  fileName: string,
  errorRecovery: boolean,
  sourceType: 'unambiguous' | 'module' = 'unambiguous',
): Parsed {
  // A plain `require` so that the parser (300 KB) is loaded at the first outline, not with the program; the
  // bundler turns it into a lazy part of the bundle.
  const { parse } = require('@babel/parser') as typeof Parser;
  const typescript = /^\.[cm]?ts$/.test(extname(fileName));
  try {
    // Node takes a shebang behind a byte order mark, the parser does not; offsets stay the same.
    const file = parse(text.replace(/^\uFEFF#!/, '// '), {
      sourceType,
      allowReturnOutsideFunction: true,
      allowAwaitOutsideFunction: true,
      allowUndeclaredExports: true,
      errorRecovery,
      plugins: typescript ? ['typescript', 'decorators-legacy'] : ['decorators'],
    });
    return { program: file.program, comments: file.comments ?? [] };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const { loc } = error as SyntaxError & { loc?: { line: number; column: number } };
    const message = error.message.replace(/ \(\d+:\d+\)$/, '');
    return { problem: { message, line: loc?.line ?? 1, column: (loc?.column ?? 0) + 1 } };
  }
}
