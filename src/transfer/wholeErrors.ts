// Errors are decoded whole, also those of commands that ask for raw documents. The driver leaves the inner documents of
// such an answer as bytes: it then finds no error labels there, so that nothing is tried again that should be, and when
// the server says that it is no primary any more, it keeps a topology version that breaks every later command of the
// client ("Cannot read properties of undefined (reading 'equals')").
import { MongoDBResponse } from 'mongodb/lib/cmap/wire_protocol/responses.js';

let done = false;

/** Once for the process; the clients of scripts that carry a driver of their own are not touched. */
export function decodeErrorsWhole(): void {
  if (done) return;
  done = true;
  const { toObject } = MongoDBResponse.prototype;
  MongoDBResponse.prototype.toObject = function (options): object {
    return toObject.call(this, this.ok === 0 && options?.raw ? { ...options, raw: false } : options);
  };
}
