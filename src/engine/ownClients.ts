// Clients that a script opens by itself. They do not go through the door: in a dry run they would write to the real
// database, so there they are refused.
import type { MongoClient } from 'mongodb';
import { UserError } from '../protocol/errors';
import type { ScriptDriver } from './driver';

type Connect = (this: MongoClient) => Promise<MongoClient>;

/**
 * From now on no client of this driver connects but the given one.
 * @returns ends the refusal.
 */
export function refuseOwnClients({ MongoClient }: ScriptDriver, allowed: MongoClient): () => void {
  const prototype = MongoClient.prototype as { connect: Connect };
  const { connect } = prototype;
  prototype.connect = function connectUnlessOwn(this: MongoClient): Promise<MongoClient> {
    if (this === allowed) return connect.call(this);
    return Promise.reject(
      new UserError(
        'The migration opens a MongoClient of its own, whose writes a dry run could not keep from the real database. Use the db and client that it is given.',
      ),
    );
  };
  return () => {
    prototype.connect = connect;
  };
}
