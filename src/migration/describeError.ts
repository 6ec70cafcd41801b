// Turns whatever was thrown into an ErrorInfo: plain JSON, without credentials, with the place in the author's
// file. Everything that leaves a process about a failure goes through here.
import { isAbsolute, relative, sep } from 'node:path';
import { inspect } from 'node:util';
import type { ErrorInfo, ErrorLocation } from '../protocol/errors';
import { UserError } from '../protocol/errors';
import { redact } from '../protocol/redact';
import { mapStack, stackFrames } from './sourceMaps';

export interface DescribeOptions {
  /** The author's file: a frame in it is the place, before all others. */
  file?: string;
  /** The project: without a frame in `file`, the innermost one below it (outside node_modules) is the place. */
  root?: string;
}

const longestMessage = 10_000;
const longestStack = 20_000;
const longestChain = 8;

/** Describes any thrown value; never throws itself. */
export function describeError(error: unknown, options: DescribeOptions = {}): ErrorInfo {
  return describe(error, options, new Set());
}

function describe(error: unknown, options: DescribeOptions, seen: Set<unknown>): ErrorInfo {
  seen.add(error);
  try {
    return isErrorLike(error) ? describeErrorLike(error, options, seen) : describeValue(error);
  } catch {
    // A getter or a Proxy of the thrown value threw in its turn.
    return { message: 'Something was thrown that cannot be read.' };
  }
}

interface ErrorLike {
  message: string;
  name?: unknown;
  code?: unknown;
  stack?: unknown;
  cause?: unknown;
  errors?: unknown;
  location?: ErrorLocation;
}

function isErrorLike(value: unknown): value is ErrorLike {
  if (value instanceof Error) return true;
  // Errors of another realm (vm), and plain objects that look like one.
  return typeof value === 'object' && value !== null && typeof (value as ErrorLike).message === 'string';
}

function describeErrorLike(error: ErrorLike, options: DescribeOptions, seen: Set<unknown>): ErrorInfo {
  const name = typeof error.name === 'string' && error.name !== '' ? error.name : undefined;
  const info: ErrorInfo = { message: cut(redact(error.message), longestMessage) };
  if (info.message === '') info.message = `${name ?? 'An error'} without a message was thrown.`;
  if (name !== undefined) info.name = name;
  const code = codeOf(error);
  if (code !== undefined) info.code = code;
  if (error instanceof UserError) {
    info.user = true;
    if (error.action) info.action = error.action;
    if (error.location) Object.assign(info, error.location);
  } else if (typeof error.stack === 'string') {
    info.stack = cut(redact(mapStack(error.stack)), longestStack);
    // Errors of other languages bring their place with them.
    Object.assign(info, error.location ?? authorsPlace(error.stack, options));
  }
  const cause = causeOf(error);
  if (cause !== undefined && !seen.has(cause) && seen.size < longestChain) {
    info.cause = describe(cause, options, seen);
  }
  return info;
}

function codeOf(error: ErrorLike): number | string | undefined {
  const { code } = error;
  return typeof code === 'number' || (typeof code === 'string' && code !== '') ? code : undefined;
}

/** The `cause`, or the first of several errors that were thrown as one. */
function causeOf(error: ErrorLike): unknown {
  if (error.cause !== undefined && error.cause !== null) return error.cause;
  return Array.isArray(error.errors) ? (error.errors as unknown[])[0] : undefined;
}

/** Tells where errors were thrown; many of one place are looked up once. */
export function placesOf(options: DescribeOptions): (error: unknown) => ErrorLocation | undefined {
  const known = new Map<string, ErrorLocation | undefined>();
  return (error) => {
    if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
    const frames = error.stack.slice(Math.max(0, error.stack.indexOf('\n    at ')));
    if (!known.has(frames)) known.set(frames, authorsPlace(frames, options));
    return known.get(frames);
  };
}

function authorsPlace(stack: string, { file, root }: DescribeOptions): ErrorLocation | undefined {
  const frames = stackFrames(stack);
  const own = frames.find((frame) => frame.file === file);
  return own ?? frames.find((frame) => root !== undefined && isInProject(frame.file, root));
}

function isInProject(file: string, root: string): boolean {
  const path = relative(root, file);
  return (
    path !== '' &&
    !isAbsolute(path) &&
    !path.split(sep).some((part) => part === '..' || part === 'node_modules')
  );
}

function describeValue(value: unknown): ErrorInfo {
  if (value === undefined || value === null) return { message: `${value} was thrown instead of an Error.` };
  const type = typeof value;
  const what = type === 'object' || type === 'undefined' ? 'An object' : `A ${type}`;
  const text = type === 'string' ? (value as string) : inspect(value, { depth: 2, breakLength: Infinity });
  return { message: cut(redact(`${what} was thrown instead of an Error: ${text}`), longestMessage) };
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
