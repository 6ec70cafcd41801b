import assert from 'node:assert/strict';
import { BSON } from 'mongodb';
import { rawBytes } from '../../support/bytes';
import { corpus, corpusOfIds, type CorpusDocument } from '../../support/corpus';
import { insertRaw } from '../../support/rawInsert';
import { replicaSet } from '../../support/server';
import { skip } from '../../support/skip';

const inHex = (documents: readonly Buffer[]): string[] =>
  documents.map((bytes) => bytes.toString('hex')).toSorted();

function survives({ bytes }: CorpusDocument): boolean {
  try {
    const decoded = BSON.deserialize(bytes, { promoteValues: false, bsonRegExp: true });
    return bytes.equals(BSON.serialize(decoded));
  } catch {
    return false;
  }
}

describe('the corpus', () => {
  for (const [what, documents] of [
    ['of values', corpus],
    ['of ids', corpusOfIds],
  ] as const) {
    it(`${what} comes back from the server byte for byte`, async () => {
      const { db } = await (await replicaSet()).database('corpus');
      await insertRaw(
        db,
        'all',
        documents.map(({ bytes }) => bytes),
      );
      const stored = await rawBytes(db.collection('all'));
      assert.deepEqual(inHex(stored), inHex(documents.map(({ bytes }) => bytes)));
    });

    it(`${what} knows what the driver keeps`, () => {
      for (const document of documents) {
        assert.equal(survives(document), document.survivesDriver, document.name);
      }
    });
  }

  it('names every type that BSON has', async () => {
    const { db } = await (await replicaSet()).database('corpus');
    await insertRaw(
      db,
      'all',
      corpus.map(({ bytes }) => bytes),
    );
    const types = await db
      .collection('all')
      .aggregate([{ $group: { _id: { $type: '$value' } } }])
      .map(({ _id }) => String(_id))
      .toArray();
    const expected = `array binData bool date dbPointer decimal double int javascript javascriptWithScope long maxKey
      minKey missing null object objectId regex string symbol timestamp undefined`;
    assert.deepEqual(types.sort(), expected.split(/\s+/).sort());
  });

  it('is accepted by the oldest servers that are promised', async function () {
    if (process.platform !== 'linux')
      skip(this, 'mongod 4.4 is fetched on Linux alone; other systems have 6.0');
    this.timeout(120_000);
    const { db } = await (await replicaSet('4.4')).database('corpus');
    await insertRaw(
      db,
      'all',
      [...corpus, ...corpusOfIds].map(({ bytes }) => bytes),
    );
    assert.equal(await db.collection('all').countDocuments(), corpus.length + corpusOfIds.length);
  });

  it('is refused loudly where the server refuses a document', async () => {
    const { db } = await (await replicaSet()).database('corpus');
    const [first] = corpus;
    assert.ok(first);
    await assert.rejects(insertRaw(db, 'all', [first.bytes, first.bytes]), /E11000/);
  });
});
