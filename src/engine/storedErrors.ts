// The errors of a run document as the database keeps them. The `_id` of a document that failed is Extended JSON, whose
// names begin with a dollar (`{"$oid": …}`): MongoDB before 5.0 does not store such fields, so it stands there as text.
import type { ErrorInfo } from '../protocol/errors';
import type { RunDocument } from '../protocol/run';

type Errors = Pick<Partial<RunDocument>, 'error' | 'steps'>;
type Rewrite = (document: NonNullable<ErrorInfo['document']>) => unknown;

/** @returns the fields with their errors as they are stored. */
export function withStoredErrors<T extends Errors>(fields: T): T {
  return rewritten(fields, ({ collection, id }) => ({ collection, idText: JSON.stringify(id) }));
}

/** The reverse; leaves alone what was stored otherwise. */
export function withReadErrors<T extends Errors>(fields: T): T {
  return rewritten(fields, (document) => {
    const { idText, ...rest } = document as { collection: string; idText?: string };
    return idText === undefined ? document : { ...rest, id: JSON.parse(idText) as unknown };
  });
}

function rewritten<T extends Errors>(fields: T, rewrite: Rewrite): T {
  const { error, steps } = fields;
  return {
    ...fields,
    ...(error && { error: inError(error, rewrite) }),
    ...(steps && {
      steps: steps.map((step) => (step.error ? { ...step, error: inError(step.error, rewrite) } : step)),
    }),
  };
}

function inError(error: ErrorInfo, rewrite: Rewrite): ErrorInfo {
  const { document, cause } = error;
  return {
    ...error,
    ...(document && { document: rewrite(document) as ErrorInfo['document'] }),
    ...(cause && { cause: inError(cause, rewrite) }),
  };
}
