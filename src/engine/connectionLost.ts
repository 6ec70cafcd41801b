// Telling a lost server from a failing migration: after the one nothing is rolled back by itself, since nobody knows
// what the server has done; the run can be resumed. Scripts use the project's own driver, whose classes are not ours.
import { MongoError } from 'mongodb';

const lostNames = new Set(['MongoNetworkError', 'MongoNetworkTimeoutError', 'MongoServerSelectionError']);
/** What a server answers that shuts down, steps down or has not come up yet. */
const leavingCodes = new Set([91, 189, 10058, 10107, 11600, 11602, 13435, 13436]);
/** Drivers wrap what ends a bulk write, the older ones without a word about its kind. */
const lostMessage = /^connection \d+ to \S+ (?:closed|timed out)$|socket has been ended/;

export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // Other languages' drivers have said it in their own words (python/errors.ts).
  if ((error as { connectionLost?: unknown }).connectionLost === true) return true;
  if (lostNames.has(error.name) || lostMessage.test(error.message)) return true;
  const { code, errorResponse } = error as { code?: unknown; errorResponse?: unknown };
  if (error.name.startsWith('Mongo') && leavingCodes.has(Number(code))) return true;
  if (errorResponse !== error && isConnectionLost(errorResponse)) return true;
  return error instanceof MongoError && error.hasErrorLabel('ResumableChangeStreamError');
}
