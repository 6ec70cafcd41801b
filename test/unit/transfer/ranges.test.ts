// What is left of an index when some ranges are done, how ranges are sized, and which _ids one comparison covers.
import assert from 'node:assert/strict';
import { BSON, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId } from 'mongodb';
import { groups } from '../../../src/transfer/idGroups';
import { gaps, RangeSizer } from '../../../src/transfer/ranges';
import { findElement, valueOf, type RawValue } from '../../../src/transfer/raw';

function raw(value: unknown): RawValue {
  const bytes = Buffer.from(BSON.serialize({ v: value }));
  return valueOf(bytes, findElement(bytes, 'v')!);
}

describe('ranges of the _id index', () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((n) => raw(new Int32(n)));

  it('leave gaps where nothing is done', () => {
    assert.deepEqual(gaps([]), [{ from: undefined }]);
    assert.deepEqual(gaps([{ to: a }]), [{ from: a }]);
    assert.deepEqual(gaps([{ to: a }, { from: a, to: b }, { from: b }]), []);
    assert.deepEqual(
      gaps([
        { from: a, to: b },
        { from: c, to: d },
      ]),
      [{ from: undefined, to: a }, { from: b, to: c }, { from: d }],
    );
    assert.deepEqual(gaps([{ from: b }]), [{ from: undefined, to: b }]);
  });

  it('tell values of different types apart as bounds', () => {
    assert.deepEqual(gaps([{ to: raw(new Int32(1)) }, { from: raw(new Double(1)) }]), [
      { from: raw(new Int32(1)), to: raw(new Double(1)) },
    ]);
  });

  it('grow while they are quick, and stay within documents and bytes', () => {
    const sizer = new RangeSizer({ first: 1000, documents: 5000 });
    assert.equal(sizer.size, 1000);
    sizer.learn(1000, 1000, 500_000, 100);
    assert.equal(sizer.size, 2000);
    sizer.learn(2000, 2000, 1_000_000, 2000);
    assert.equal(sizer.size, 1000);
    for (let i = 0; i < 5; i++) sizer.learn(1000, 1000, 500_000, 1);
    assert.equal(sizer.size, 5000);
    sizer.learn(5000, 5000, 5000 * 64 * 1024, 100);
    assert.equal(sizer.size, 96);
    // One document in a hundred matches: the range may span more keys.
    for (let i = 0; i < 20; i++) sizer.learn(sizer.size, sizer.size / 100, sizer.size * 5, 10);
    assert.ok(sizer.size > 100_000);
    sizer.shrink();
    sizer.shrink();
    assert.ok(sizer.size >= 1);
  });

  it('are grouped by what a comparison covers', () => {
    const ids = [
      new MinKey(),
      new Double(Number.NaN),
      new Int32(1),
      new Double(1.5),
      Long.fromNumber(2),
      Decimal128.fromString('3'),
      'a',
      'b',
      { x: 1 },
      new ObjectId(),
      new ObjectId(),
      false,
      true,
      new Date(1),
      new MaxKey(),
    ].map(raw);
    const found = groups(ids).map(([first, last]) => [ids.indexOf(first), ids.indexOf(last)]);
    assert.deepEqual(found, [
      [0, 0],
      [1, 1],
      [2, 5],
      [6, 7],
      [8, 8],
      [9, 10],
      [11, 11],
      [12, 12],
      [13, 13],
      [14, 14],
    ]);
  });
});
