// Documents at the server's limits: just under 16 MB and a hundred levels deep they come through like any other; what
// would go beyond is said with its document, and nothing is lost.
import assert from 'node:assert/strict';
import type { Collection, Document } from 'mongodb';
import type { Migration } from '../../../src/migration/kinds';
import { replicaSet, standalone } from '../../support/server';
import { assertSame, describe as inWords, Stage } from '../harness/stage';

const most = 16 * 1024 * 1024;
type Row = Document & { _id: string };

/** A document of exactly so many bytes. */
function sized(_id: string, bytes: number): Row {
  const overhead = 4 + (1 + 4 + 4 + _id.length + 1) + (1 + 2 + 4) + (1 + 5 + 4 + 1) + 1;
  return { _id, x: 1, blob: 'b'.repeat(bytes - overhead) };
}

function nested(levels: number): Document {
  let inner: Document = { end: 1 };
  for (let level = 1; level < levels; level++) inner = { in: inner };
  return inner;
}

/** The innermost of `nested`, one level deeper. */
const deeper = (value: Document): Document =>
  value['in'] ? { in: deeper(value['in']) } : { end: { more: 1 } };

/** A server with a small cache that has just been started may not take the largest at once. */
async function bring(rows: Collection<Row>, documents: Row[]): Promise<void> {
  for (const document of documents) {
    for (let taken = false; !taken;) {
      taken = await rows.insertOne(document).then(
        () => true,
        (error: Error) => {
          if (!error.message.includes('will not fit in the storage engine cache')) throw error;
          return false;
        },
      );
    }
  }
}

const grow = { $set: { more: 'm'.repeat(200) } };
const keepSize = { $inc: { x: 1 } };

/** Ways to change all documents; the same change each. */
const ways: Record<string, (change: Document) => Migration> = {
  'a transform': (change) => ({ source: 'rows', transform: () => change }),
  'a transform that answers the whole document': (change) => ({
    source: 'rows',
    transform: (doc) => (change === keepSize ? { ...doc, x: 2 } : { ...doc, ...change['$set'] }),
  }),
  'an update pipeline': (change) => ({
    source: 'rows',
    update: [change === keepSize ? { $set: { x: { $add: ['$x', 1] } } } : change],
  }),
  'ctx.batch': (change) => ({ up: (_db, _client, ctx) => ctx.batch('rows', {}, () => change) }),
  'a script': (change) => ({ up: (db) => db.collection('rows').updateMany({}, change) }),
};

for (const [on, server] of [
  ['a replica set', () => replicaSet()],
  ['a standalone', () => standalone()],
] as const) {
  describe(`documents at the server's limits on ${on}`, function () {
    this.timeout(60_000);

    for (const [way, migration] of Object.entries(ways)) {
      it(`${way} changes the largest and the deepest, and gives them back byte for byte`, async () => {
        const stage = await Stage.open(await server(), [migration(keepSize)]);
        try {
          const rows = stage.db.collection<Row>('rows');
          const large = on === 'a standalone' ? most / 2 - 1024 : most - 1024;
          await bring(rows, [sized('large', large), { _id: 'small', x: 1 }]);
          await rows.insertOne({ _id: 'deep', x: 1, value: nested(99) });
          const beginning = await stage.state();
          for (let round = 0; round < 2; round++) {
            await stage.succeed({ mode: 'up' });
            assert.equal(await rows.countDocuments({ x: 2 }), 3);
            await stage.down();
            assertSame(await stage.state(), beginning, 'after the way back');
          }
        } finally {
          await stage.close();
        }
      });

      it(`${way} that makes one too large says which, and leaves nothing half-done`, async () => {
        const stage = await Stage.open(await server(), [migration(grow)]);
        try {
          const rows = stage.db.collection<Row>('rows');
          await bring(rows, [
            ...Array.from({ length: 20 }, (_, n) => ({ _id: `row ${n}`, x: 1 })),
            sized('too large', most - 100),
          ]);
          const beginning = await stage.state();
          const result = await stage.run({ mode: 'up' });
          // Told by a check where the sample shows it, or by the server.
          assert.ok(result.exitCode === 1 || result.exitCode === 5, inWords(result));
          assert.match(
            result.run.steps[0]?.error?.message ?? '',
            /16 ?MB|16777216|16793600|too large|larger than/i,
          );
          assertSame(await stage.state(), beginning, 'after the failed run');
          assert.deepEqual(await stage.ledger(), []);
          assert.deepEqual(await stage.leftovers(), []);
        } finally {
          await stage.close();
        }
      });
    }

    it('a document that becomes too large or too deep goes to quarantine, and the others are done', async () => {
      const stage = await Stage.open(await server(), [
        {
          source: 'rows',
          onError: 'quarantine',
          transform: (doc) =>
            doc['value'] ? { $set: { value: deeper(doc['value'] as Document), ...grow.$set } } : grow,
        },
      ]);
      try {
        const rows = stage.db.collection<Row>('rows');
        await bring(rows, [
          { _id: 'a', x: 1 },
          { _id: 'deepest', x: 1, value: nested(179) },
          sized('too large', most - 100),
          { _id: 'z', x: 1 },
        ]);
        const beginning = await stage.state();
        const result = await stage.succeed({ mode: 'up' });
        assert.equal(result.run.steps[0]?.quarantined, 2, inWords(result));
        const rowsOf = stage.db.collection('_migratory_quarantine').find().sort({ id: 1 });
        const failed = await rowsOf.map(({ id, reason }) => ({ id, reason: String(reason) })).toArray();
        assert.deepEqual(
          failed.map(({ id }) => id),
          ['deepest', 'too large'],
        );
        assert.match(failed[0]!.reason, /nest|deep/i);
        assert.match(failed[1]!.reason, /large|size/i);
        assert.equal(await rows.countDocuments({ more: { $exists: true } }), 2);
        await stage.down();
        assertSame(await stage.state(), beginning, 'after the way back');
      } finally {
        await stage.close();
      }
    });
  });
}
