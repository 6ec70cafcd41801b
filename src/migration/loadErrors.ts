// What can go wrong when a file of the author's is loaded, each as one sentence with the place and what to do.
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExitCode, UserError } from '../protocol/errors';
import type { ErrorAction, ErrorLocation } from '../protocol/errors';
import { describeError } from './describeError';
import { findSyntaxProblem } from './outlineJavaScript';

/** A path as people know it: below the project with forward slashes, else whole. */
export function displayPath(file: string, root: string): string {
  const path = relative(root, file);
  if (path === '' || path.startsWith('..') || isAbsolute(path)) return file;
  return path.split(sep).join('/');
}

/** A UserError about a file, which is also its place unless another one is given. */
export function fileError(
  file: string,
  message: string,
  label: string,
  more: { location?: Partial<ErrorLocation>; cause?: unknown; action?: Omit<ErrorAction, 'label'> } = {},
): UserError {
  return new UserError(message, {
    action: { label, ...more.action },
    location: { file, ...more.location },
    cause: more.cause,
    exitCode: ExitCode.failed,
  });
}

export function unreadableFile(file: string, root: string, error: NodeJS.ErrnoException): UserError {
  const path = displayPath(file, root);
  switch (error.code) {
    case 'ENOENT':
      return fileError(file, `There is no file ${path}.`, 'Check the name', { cause: error });
    case 'EISDIR':
      return fileError(file, `${path} is a folder, not a file.`, 'Rename or move the folder', {
        cause: error,
      });
    case 'EACCES':
      return fileError(file, `${path} may not be read.`, 'Check its permissions', { cause: error });
    default:
      return fileError(file, `${path} cannot be read: ${error.message}.`, 'Check the file', { cause: error });
  }
}

export function emptyFile(file: string, root: string): UserError {
  return fileError(file, `${displayPath(file, root)} is empty.`, 'Fill it or delete it');
}

/** For a file that does not parse; `error` is what its compiler said. */
export function syntaxError(file: string, root: string, text: string, error: unknown): UserError {
  const compiled = (error as { loc?: { line: number; column: number } }).loc;
  const problem = findSyntaxProblem(text, file) ?? {
    message: (error as Error).message.split('\n')[0] ?? '',
    line: compiled?.line ?? 1,
    column: (compiled?.column ?? 0) + 1,
  };
  const { line, column } = problem;
  const message = problem.message.replace(/\.$/, '');
  return fileError(
    file,
    `${displayPath(file, root)} does not parse: ${message} (line ${line}, column ${column}).`,
    'Correct the code',
    { location: { line, column }, cause: error },
  );
}

/** Puts into words why running a file failed; a UserError that says it already stays as it is. */
export function explainLoadFailure(
  error: unknown,
  { file, root, text }: { file: string; root: string; text: string },
): UserError {
  if (error instanceof UserError) return error;
  return (
    parseFailure(error, file, root, text) ?? missingModule(error, file, root) ?? thrown(error, file, root)
  );
}

function parseFailure(error: unknown, file: string, root: string, text: string): UserError | undefined {
  if (!(error instanceof SyntaxError)) return undefined;
  if (findSyntaxProblem(text, file)) return syntaxError(file, root, text, error);
  // Node puts the place of a syntax error before the stack: `path:line`.
  const place = /^(.+):\d+$/.exec(error.stack?.split('\n')[0] ?? '')?.[1];
  const other = place?.startsWith('file://') ? fileURLToPath(place.replace(/\?.*$/, '')) : place;
  if (!other || other === file || !existsSync(other)) return undefined;
  const source = readFileSync(other, 'utf8');
  return findSyntaxProblem(source, other) ? syntaxError(other, root, source, error) : undefined;
}

function missingModule(error: unknown, file: string, root: string): UserError | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  const name = /Cannot find (?:package|module) ['"]([^'"]+)['"]/.exec(String(message))?.[1];
  if (name === undefined) return undefined;
  const path = displayPath(file, root);
  const place = { location: placeOf(error, file, root), cause: error };
  if (/^(?:\.|\/|[a-zA-Z]:[\\/]|file:)/.test(name)) {
    const target = name.startsWith('file:') ? fileURLToPath(name) : name;
    const shown = isAbsolute(target) ? displayPath(target, root) : target;
    return fileError(file, `${path} imports ${shown}, which does not exist.`, 'Correct the path', place);
  }
  const plain = /^(?:@[\w.-]+\/)?[\w.-]+/.exec(name)?.[0] ?? name;
  return fileError(
    file,
    `${path} needs the package "${plain}", which is not installed.`,
    `Install ${plain}`,
    {
      ...place,
      action: { cli: `npm install ${plain}` },
    },
  );
}

function thrown(error: unknown, file: string, root: string): UserError {
  const { message } = describeError(error);
  const location = placeOf(error, file, root);
  const where = location.line === undefined || location.file !== file ? '' : ` (line ${location.line})`;
  const sentence = message.replace(/\.$/, '');
  return fileError(
    file,
    `${displayPath(file, root)} does not load: ${sentence}${where}.`,
    'Correct the code',
    {
      location,
      cause: error,
    },
  );
}

function placeOf(error: unknown, file: string, root: string): Partial<ErrorLocation> {
  const { file: place, line, column } = describeError(error, { file, root });
  return place === undefined ? {} : { file: place, line, column };
}
