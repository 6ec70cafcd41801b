// Which fields a pipeline touches, and documents put together from their old version and the touched fields.
import assert from 'node:assert/strict';
import { BSON } from 'mongodb';
import { namesWithEnd, touchedFields, withFields } from '../../../src/transfer/touchedFields';
import { document, element, intValue } from '../../../src/transfer/raw';

const raw = (value: object): Buffer => Buffer.from(BSON.serialize(value));

describe('fields that an update pipeline touches', () => {
  it('are the top-level fields that it sets and removes', () => {
    assert.deepEqual(
      touchedFields([
        { $set: { a: 1, 'b.c': 2, 'b.d': 3 } },
        { $unset: ['e', 'f.g'] },
        { $addFields: { h: 1 } },
      ]),
      ['a', 'b', 'e', 'f', 'h'],
    );
    assert.deepEqual(touchedFields([{ $unset: 'a' }]), ['a']);
  });

  it('are not known where a document is built anew, or a field may have gone and come back', () => {
    assert.equal(touchedFields([{ $replaceWith: '$x' }]), undefined);
    assert.equal(touchedFields([{ $project: { a: 1 } }]), undefined);
    assert.equal(touchedFields([{ $unset: 'a' }, { $set: { a: 1 } }]), undefined);
    assert.equal(touchedFields([{ $set: { _id: 1 } }]), undefined);
    assert.equal(touchedFields([{ $set: { a: 1 }, $unset: 'b' }]), undefined);
  });

  it('stand in their old place, go, or come last', () => {
    const before = raw({ _id: 1, a: 1, b: 2, c: { d: 3 }, e: 4 });
    const part = raw({ _id: 1, a: 'one', c: { d: 3, f: 5 }, new: true, newer: null });
    const after = withFields(before, part, namesWithEnd(['a', 'b', 'c', 'new', 'newer']));
    assert.deepEqual(after, raw({ _id: 1, a: 'one', c: { d: 3, f: 5 }, e: 4, new: true, newer: null }));
  });

  it('leave a document alone that has none of them', () => {
    const before = raw({ _id: 1, a: 1 });
    assert.deepEqual(withFields(before, raw({ _id: 1 }), namesWithEnd(['x'])), before);
  });

  it('cannot be put into a document that holds a name twice', () => {
    const before = document([
      element('_id', intValue(1)),
      element('a', intValue(1)),
      element('a', intValue(2)),
    ]);
    assert.equal(withFields(before, raw({ _id: 1, b: 1 }), namesWithEnd(['b'])), undefined);
  });
});
