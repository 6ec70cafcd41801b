// What a kind of transfer does with one range, seen from the pump: the contract between the pump (lanes, protocol,
// retries) and the sources, transforms and sinks that are put together for it.
import type { ClientSession, ReadConcernLike } from 'mongodb';
import { emptyTally, type Tally } from './checkpoints';
import type { Handled } from './handled';
import type { Edit } from './edits';
import type { ImageRow } from './imageRow';
import type { JournalEntry } from './journalPack';
import type { QuarantinedDocument } from './quarantine';
import type { Bounds, Range } from './ranges';
import type { RawValue } from './raw';
import type { Conflict, CrashPoint } from './types';

/** A range under way, over all its attempts. */
export interface Job {
  range: Range;
  /** Documents that failed in an earlier attempt and are left out of this one, by key of their `_id`. */
  failed: Map<string, { id: RawValue; reason: string; cause?: unknown }>;
  /** Send one statement per document, so that a refusal names its document. */
  oneByOne: boolean;
  /** The server's validator may be passed over (a restore of what was there before). */
  bypass: boolean;
  /** Attempts of the guarded protocol that were journaled. */
  journaled: number;
  /** Where the server has put the documents of the range as they were, for the attempt under way. */
  images?: ImageRow;
  /** The server has tried to keep them, which is not tried twice. */
  keptByServer?: boolean;
  /** What the transform answered in the attempt before. */
  earlier?: readonly Edit[];
}

export interface Attempt {
  job: Job;
  lane: number;
  session?: ClientSession;
  crashPoint: (point: CrashPoint) => Promise<void>;
  /** Without transactions: notes the range, up to where it is done now, as begun. */
  begin(to: RawValue | undefined): Promise<void>;
  /**
   * Without transactions, between reading and writing: throws if a newer owner has taken over. What was read before is
   * then no work of the newer owner, and what it writes afterwards fails the guard.
   */
  verify: () => Promise<void>;
}

/** What has to happen outside of the transaction of an attempt. */
export interface Around {
  /** Before it. @returns the time that it has to see, if that matters. */
  begin(job: Job): Promise<ReadConcernLike | undefined>;
  /** It did not hold. @returns whether it is to be tried again in another way, at once. */
  failed(job: Job, error: unknown): Promise<boolean>;
}

/** What an attempt did, to be journaled, checkpointed and told once it holds. */
export interface Outcome {
  tally: Tally;
  /** Every document that was dealt with. */
  handled: Handled;
  /** Documents and bytes that were read. */
  documents: number;
  bytes: number;
  quarantined: QuarantinedDocument[];
  conflicts: Conflict[];
  /** Parts of the range that were left for later. */
  rest: Bounds[];
  /** Called once it holds. */
  held?(): void | Promise<void>;
  /** Where the range ends if the rest begins inside it. */
  to?: RawValue;
}

/** That of a range of which everything was done, but for what is said otherwise. */
export function outcomeOf(
  done: Pick<Outcome, 'handled' | 'bytes'> & { tally: Partial<Tally> } & Partial<Omit<Outcome, 'tally'>>,
): Outcome {
  return {
    documents: done.handled.count,
    quarantined: [],
    conflicts: [],
    rest: [],
    ...done,
    tally: { ...emptyTally(), ...done.tally },
  };
}

/** The changes of a range, as a sink reports them to the journal. */
export interface Written {
  entries: JournalEntry[];
  processed: number;
}
