// The lanes' sessions, and taking a step over with them: claimed before anything is read, released whatever happens.
import type { ClientSession } from 'mongodb';
import type { Checkpoints } from './checkpoints';
import { steadily } from './transaction';
import type { TransferContext } from './types';

/** Ranges in flight, unless the caller says otherwise. */
export const defaultLanes = 4;

/** Without transactions there are no sessions to give. */
export async function claimed<T>(
  context: TransferContext,
  checkpoints: Checkpoints,
  work: (sessions: ClientSession[]) => Promise<T>,
): Promise<T> {
  const sessions = context.transactions
    ? Array.from({ length: checkpoints.lanes }, () =>
        context.client.startSession({ causalConsistency: false }),
      )
    : [];
  try {
    await steadily(() => checkpoints.claim(sessions), context.signal);
    return await work(sessions);
  } finally {
    await Promise.all(sessions.map((session) => session.endSession()));
    // Of no use to the error that is on its way: where the connection is lost, the next claim ends the sessions.
    if (sessions.length > 0) await checkpoints.release().catch(() => undefined);
  }
}
