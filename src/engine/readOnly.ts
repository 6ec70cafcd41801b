// Connections that are marked read-only: nothing of ours writes there.
import { ExitCode, UserError } from '../protocol/errors';
import type { Connection } from './connect';

/** @throws UserError when the connection is marked read-only. */
export function refuseReadOnly({ target }: Pick<Connection, 'target'>): void {
  if (!target.readOnly) return;
  throw new UserError(`The connection "${target.name}" is marked read-only; nothing runs on it.`, {
    exitCode: ExitCode.usage,
    action: { label: 'Select Connection', command: 'migratory.selectConnection' },
  });
}
