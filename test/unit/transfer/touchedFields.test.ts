// Which fields a pipeline touches, and documents put together from their old version and the touched fields.
import assert from 'node:assert/strict';
import { BSON } from 'mongodb';
import {
  namesWithEnd,
  patchBetween,
  patchOfFields,
  touchedFields,
  withFields,
} from '../../../src/transfer/touchedFields';
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

  it('make the same patch as the whole documents', () => {
    const before = { _id: 1, a: 1, b: { c: 1, d: 2 }, e: [1], f: 4 };
    const names = ['a', 'b', 'e', 'new', 'newer'];
    for (const change of [
      { a: 1 },
      { a: 1.5, e: [1] },
      { a: 2, e: [2], new: null },
      { b: { c: 1, d: 3 }, newer: { x: 1 }, new: 2 },
      { b: 7 },
      { a: undefined },
      { e: undefined, new: 1 },
    ]) {
      const after = raw({ ...before, ...change });
      const shown = BSON.deserialize(after, { promoteValues: false });
      const part = raw(
        Object.fromEntries(Object.entries(shown).filter(([name]) => name === '_id' || names.includes(name))),
      );
      const found = patchOfFields(raw(before), part, namesWithEnd(names));
      assert.deepEqual(found, patchBetween(raw(before), after), JSON.stringify(change));
    }
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
