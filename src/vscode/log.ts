// The output channel "Migratory": everything that is written there goes through the redactor.
import * as vscode from 'vscode';
import { redact } from '../protocol/redact';

export class Log {
  readonly #channel = vscode.window.createOutputChannel('Migratory', { log: true });

  info(message: string): void {
    this.#channel.info(redact(message));
  }

  warn(message: string): void {
    this.#channel.warn(redact(message));
  }

  /** Writes an error whole, with its causes. */
  error(message: string, error?: unknown): void {
    this.#channel.error(redact(error === undefined ? message : `${message}: ${describe(error)}`));
  }

  /** A line that a migration printed. */
  output(line: string, stream: 'stdout' | 'stderr'): void {
    if (stream === 'stderr') this.#channel.warn(redact(line));
    else this.#channel.info(redact(line));
  }

  show(): void {
    this.#channel.show(true);
  }

  dispose(): void {
    this.#channel.dispose();
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
