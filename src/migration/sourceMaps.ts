// Leads positions in compiled migrations back to the author's source. The loader remembers a map for each file
// it compiles; whoever shows a stack or a position asks here.
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

interface Remembered {
  map: SourceMap;
  /** Columns that the loader's wrapper puts before the first line. */
  firstLineOffset: number;
}

const remembered = new Map<string, Remembered>();

/** `firstLineOffset`: how many columns stand before the compiled text in its first line when it is run. */
export function rememberSourceMap(file: string, payload: SourceMapPayload, firstLineOffset: number): void {
  remembered.set(file, { map: new SourceMap(payload), firstLineOffset });
}

/** A frame of a stack as text. */
export interface StackFrame {
  /** Path, also where the stack has a file URL. */
  file: string;
  /** From 1. */
  line: number;
  column: number;
}

const framePattern = /^(\s*at (?:.*? \()?(?:async )?)((?:file:\/\/|[a-zA-Z]:[\\/]|\/).*?):(\d+):(\d+)(\)?)$/;

/** The stack with every frame in a compiled file led back to its source. */
export function mapStack(stack: string): string {
  return stack
    .split('\n')
    .map((line) => {
      const [, before, place, , , after] = framePattern.exec(line) ?? [];
      const frame = parseFrame(line);
      if (!frame || before === undefined || place === undefined) return line;
      return `${before}${frame.file}:${frame.line}:${frame.column}${after ?? ''}`;
    })
    .join('\n');
}

/** The frames of a stack that stand in files, the innermost first, led back to their sources. */
export function stackFrames(stack: string): StackFrame[] {
  return stack.split('\n').flatMap((line) => parseFrame(line) ?? []);
}

function parseFrame(text: string): StackFrame | undefined {
  const [, , place, line, column] = framePattern.exec(text) ?? [];
  if (place === undefined) return undefined;
  const file = toPath(place);
  return { file, ...originalPosition(file, Number(line), Number(column)) };
}

function toPath(place: string): string {
  if (!place.startsWith('file://')) return place;
  try {
    // A query tells versions of one module apart; the file is the same.
    return fileURLToPath(place.replace(/[?#].*$/, ''));
  } catch {
    return place;
  }
}

function originalPosition(file: string, line: number, column: number): { line: number; column: number } {
  const known = remembered.get(file);
  if (!known) return { line, column };
  const shifted = line === 1 ? Math.max(1, column - known.firstLineOffset) : column;
  const entry = known.map.findEntry(line - 1, shifted - 1);
  if (!('originalLine' in entry)) return { line, column: shifted };
  return { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}
