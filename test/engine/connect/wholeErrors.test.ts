// What the server refuses is decoded whole, also where the answer was asked for as bytes.
import assert from 'node:assert/strict';
import { MongoServerError, ObjectId } from 'mongodb';
import { connect, type Connection } from '../../../src/engine/connect';
import { threeNodes } from '../../support/server';

describe('an error in the place of raw documents', function () {
  this.timeout(120_000);

  it('keeps its labels, and leaves the client usable, when the primary has stepped down', async () => {
    const server = await threeNodes();
    const { db } = await server.database('whole-errors');
    const { primary } = await db.admin().command({ hello: 1 });
    const direct = `mongodb://${String(primary)}/${db.databaseName}?directConnection=true`;
    // A client that looks at one node alone may hear of a change only with the next heartbeat, ten seconds later.
    const target = { name: 'old', uri: direct, database: db.databaseName };
    const connection = await connect(target, { timeoutMs: 30_000 });
    try {
      await db.collection('songs').insertOne({ title: 'Aria' });
      const session = connection.client.startSession();
      session.startTransaction();
      await connection.db.collection('songs').findOne({}, { session });
      const admin = (await server.client()).db('admin');
      await admin.command({ replSetStepDown: 8, secondaryCatchUpPeriodSecs: 5 });
      const failed = await refused(connection.db.command({ find: 'songs' }, { raw: true, session }));
      assert.ok(failed.hasErrorLabel('TransientTransactionError'), String(failed.errorLabels));
      await session.endSession();
      for (let n = 0; n < 3; n++) await refusedWrite(connection);
    } finally {
      await connection.close();
    }
  });
});

async function refused(work: Promise<unknown>): Promise<MongoServerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof MongoServerError, String(error));
  return error;
}

/** A write to the node that was the primary: the second one meets what the first one's error left in the client. */
async function refusedWrite({ db }: Connection): Promise<void> {
  const error = await refused(db.command({ insert: 'songs', documents: [{}] }, { raw: true }));
  assert.equal(error.code, 10107, error.message);
  const { topologyVersion } = error as MongoServerError & { topologyVersion?: { processId?: unknown } };
  assert.ok(topologyVersion?.processId instanceof ObjectId);
}
