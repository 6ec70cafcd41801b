// Taking back a change of which only the touched fields are known: the update makes of the fields as they are the
// fields as they were, or it is not known.
import assert from 'node:assert/strict';
import { BSON, Double, Int32, type Document } from 'mongodb';
import { undoOfFields } from '../../../src/transfer/undoFields';

const bytesOf = (document: Document) => Buffer.from(BSON.serialize(document));
const _id = 7;

function undo(before: Document, made: Document, now: Document = made): Document | undefined {
  const u = undoOfFields(bytesOf({ _id, ...before }), bytesOf({ _id, ...made }), bytesOf({ _id, ...now }));
  return u && BSON.deserialize(u, { promoteValues: false });
}

describe('the undo of touched fields', () => {
  it('sets what was there and removes what was not', () => {
    const u = undo({ n: new Double(1) }, { n: 2, first: 'a', last: 'b' });
    assert.deepEqual(u, { $set: { n: new Double(1) }, $unset: { first: null, last: null } });
    assert.deepEqual(undo({ n: 1, m: 1 }, { n: 2, m: 1 }), { $set: { n: new Int32(1) } });
    assert.deepEqual(undo({}, { n: 2 }), { $unset: { n: null } });
  });

  it('is not known where others wrote, also another type of the same number', () => {
    assert.equal(undo({ n: 1 }, { n: 2 }, { n: 3 }), undefined);
    assert.equal(undo({ n: 1 }, { n: new Int32(2) }, { n: new Double(2) }), undefined);
    assert.equal(undo({ n: 1 }, { n: 2 }, {}), undefined);
  });

  it('is not known where a field is gone or stands elsewhere, or its name is odd', () => {
    assert.equal(undo({ n: 1 }, {}), undefined);
    assert.equal(undo({ a: 1, b: 1 }, { b: 1, a: 2 }), undefined);
    assert.equal(undo({ a: 1 }, { a: 2, 'b.c': 2 }), undefined);
    assert.equal(undo({ a: 1 }, { a: 2, $b: 2 }), undefined);
    assert.equal(undo({ ü: 1 }, { ü: 2 }), undefined);
  });
});
