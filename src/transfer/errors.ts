// Failures of a transfer that name their document, and the signal between a sink and the pump that one document was
// refused.
import type { RawValue } from './raw';
import { decoded, shown } from './shownId';

/** A document could not be changed and may not go to quarantine, or too many already did. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly collection: string;
  /** Decoded `_id`, BSON types kept. */
  readonly id: unknown;
  readonly reason: string;
  constructor(failure: {
    collection: string;
    id: unknown;
    shownId: string;
    reason: string;
    cause?: unknown;
    note?: string;
  }) {
    super(
      `document ${failure.shownId} of "${failure.collection}" could not be changed: ${failure.reason}${failure.note ?? ''}`,
      failure.cause === undefined ? undefined : { cause: failure.cause },
    );
    this.collection = failure.collection;
    this.id = failure.id;
    this.reason = failure.reason;
  }
}

/** The server refused the write of one document; the transaction around it is gone. */
export class WriteRefused extends Error {
  override readonly name = 'WriteRefused';
  constructor(
    readonly id: RawValue,
    readonly reason: string,
    readonly code: number,
  ) {
    super(reason);
  }
}

/** The sink has found another way for the range (noted in the job) and wants it to be tried again. */
export class TryAgain extends Error {
  override readonly name = 'TryAgain';
}

/** @param note added to the message, e.g. why the transfer stops at this one. */
export function documentError(
  collection: string,
  id: RawValue,
  reason: string,
  cause?: unknown,
  note?: string,
): DocumentError {
  return new DocumentError({ collection, id: decoded(id), shownId: shown(id), reason, cause, note });
}
