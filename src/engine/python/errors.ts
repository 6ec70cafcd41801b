// Python's exceptions as errors of this program, with the place in the author's file.
import { basename, isAbsolute, relative, sep } from 'node:path';
import { displayPath, fileError } from '../../migration/loadErrors';
import { UserError, type ErrorLocation } from '../../protocol/errors';
import type { Python } from './interpreter';
import type { PythonAnswer, ToldError } from './process';

/** Whose code it was. */
export interface PythonPlace {
  file: string;
  root: string;
}

/** An exception of the author's code; `stack` is Python's traceback. */
export class PythonError extends Error {
  readonly code: number | string | undefined;
  readonly location: ErrorLocation;
  /** The server could not be reached, or left. */
  readonly connectionLost: boolean;

  constructor(told: ToldError, place: PythonPlace) {
    super(told.message, told.cause && { cause: new PythonError(told.cause, place) });
    this.name = told.name;
    this.stack = told.stack;
    this.code = told.code;
    this.location = locationIn(told, place);
    this.connectionLost = told.lost;
  }
}

/** The error of a call: what the code raised, or how its process ended. */
export function callError(
  answer: Exclude<PythonAnswer, { type: 'result' }>,
  what: string,
  place: PythonPlace,
): Error {
  if (answer.type === 'none')
    return new UserError(`${displayPath(place.file, place.root)} ${answer.reason}.`);
  if (answer.type === 'ended') return endedError(answer, what, place);
  const { error } = answer;
  if (error.exit === undefined) return new PythonError(error, place);
  return new UserError(`${what} called sys.exit(${error.exit}).`, {
    action: { label: 'Raise an exception instead, or return' },
    location: locationIn(error, place),
  });
}

/** The error of a file that does not load. */
export function loadError(
  answer: Exclude<PythonAnswer, { type: 'result' }>,
  place: PythonPlace,
  python: Python,
): UserError {
  const { file, root } = place;
  const path = displayPath(file, root);
  if (answer.type === 'none') {
    return fileError(
      file,
      `${path} ${answer.reason}.`,
      'Define up(db), or a list of dicts called migrations',
    );
  }
  if (answer.type === 'ended') return endedError(answer, `While it loaded, ${path}`, place);
  const { error } = answer;
  const location = locationIn(error, place);
  const cause = new PythonError(error, place);
  const more = { location, cause };
  if (error.exit !== undefined) {
    return fileError(
      file,
      `While it loaded, ${path} called sys.exit(${error.exit}).`,
      'Remove the call',
      more,
    );
  }
  const where = location.file === file && location.line !== undefined ? ` (line ${location.line})` : '';
  const sentence = error.message.replace(/\.$/, '');
  if (/^(SyntaxError|IndentationError|TabError)$/.test(error.name)) {
    const inFile = location.file === file ? path : displayPath(location.file, root);
    return fileError(
      file,
      `${inFile} does not parse: ${sentence} (line ${location.line}).`,
      'Correct the code',
      more,
    );
  }
  if (error.name === 'ModuleNotFoundError' && error.module !== undefined) {
    const name = error.module.split('.')[0] ?? error.module;
    return fileError(
      file,
      `${path} needs the module "${name}", which Python (${python.command}) has not.`,
      `Install ${name}`,
      { ...more, action: { cli: `${python.command} -m pip install ${name}` } },
    );
  }
  return fileError(file, `${path} does not load: ${sentence}${where}.`, 'Correct the code', more);
}

function endedError(
  { how, said }: Extract<PythonAnswer, { type: 'ended' }>,
  what: string,
  { file }: PythonPlace,
): UserError {
  const last = said.length === 0 ? '' : ` It last wrote: ${said.slice(-3).join(' | ')}`;
  const why = how === 'SIGKILL' ? ' The system may have been short of memory.' : '';
  return new UserError(`${what} ended its Python process (${how}) before it was through.${why}${last}`, {
    location: { file },
  });
}

/** A line of the author's file, else of another file of the project, else the file. */
function locationIn({ places }: ToldError, { file, root }: PythonPlace): ErrorLocation {
  return (
    places.find((each) => each.file === file) ??
    places.find((each) => isInProject(each.file, root)) ?? { file }
  );
}

function isInProject(file: string, root: string): boolean {
  const path = relative(root, file);
  const outside = path === '' || isAbsolute(path) || basename(file).startsWith('<');
  return !outside && !path.split(sep).some((part) => part === '..' || part === 'site-packages');
}
