// How the door and its hooks say no: errors of the server's kind, which every driver understands.
import type { Document } from 'mongodb';

/** Thrown by a hook to refuse a command with an error of the server's kind, or to end the script's connection. */
export class DoorRefusal extends Error {
  override readonly name = 'DoorRefusal';
  readonly code: number;
  readonly codeName: string;
  /** Closes the script's socket instead of answering. */
  readonly close: boolean;
  constructor(message: string, options: { code?: number; codeName?: string; close?: boolean } = {}) {
    super(message);
    this.code = options.code ?? 11601;
    this.codeName = options.codeName ?? 'Interrupted';
    this.close = options.close ?? false;
  }
}

/** What befalls the engine's own way to the server befalls the script's. */
const lostNames = new Set(['MongoNetworkError', 'MongoNetworkTimeoutError', 'MongoServerSelectionError']);

export function endsConnection(error: unknown): boolean {
  if (error instanceof DoorRefusal) return error.close;
  return error instanceof Error && (error.name === 'AbortError' || lostNames.has(error.name));
}

/** What a script is told when a hook throws. */
export function refusalOf(error: unknown): DoorRefusal {
  if (error instanceof DoorRefusal) return error;
  return new DoorRefusal(error instanceof Error ? error.message : String(error), serverCode(error));
}

/** With the server's own code a script and its driver know what they are told. */
function serverCode(error: unknown): { code?: number; codeName?: string } {
  if (!(error instanceof Error) || !error.name.startsWith('Mongo')) return {};
  const { code, codeName } = error as { code?: unknown; codeName?: unknown };
  return typeof code === 'number'
    ? { code, codeName: typeof codeName === 'string' ? codeName : 'Error' }
    : {};
}

/** The reply with which a server refuses a command. */
export function errorReply(errmsg: string, code: number, codeName: string): Document {
  return { ok: 0, errmsg, code, codeName };
}

/** What a client without the token is told. */
export const STRANGER =
  'This port belongs to a running migration and serves only its own scripts. ' +
  'Connect with the connection string that the migration was given.';
