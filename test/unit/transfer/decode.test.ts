// What our own decoder shows must be what the driver shows, value by value and in the same order.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { BSON, Binary, Decimal128, Double, Int32, Long, ObjectId, Timestamp, type Document } from 'mongodb';
import { decode } from '../../../src/transfer/decode';
import { Shown } from '../../../src/transfer/shown';
import { corpus } from '../../support/corpus';

const bytesOf = (document: Document) => Buffer.from(BSON.serialize(document, { ignoreUndefined: false }));
const text = (value: unknown) => inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null });
const decoded = (raw: Buffer) => decode(raw, []);

/** Names of all levels in their order, and the kind of each value. */
function shape(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : typeof value;
  const plain = Object.getPrototypeOf(value) === Object.prototype || Array.isArray(value);
  if (!plain) return value.constructor.name;
  return Object.entries(value).map(([name, inner]) => [name, shape(inner)]);
}

describe('decoding a document', () => {
  it('shows what the driver shows, for every document of the corpus that it takes', () => {
    let taken = 0;
    for (const { name, bytes } of corpus) {
      const mine = decoded(bytes);
      if (!mine) continue;
      taken += 1;
      const theirs = BSON.deserialize(bytes);
      // Invalid dates are equal to nothing.
      assert.equal(text(mine), text(theirs), name);
      assert.deepEqual(shape(mine), shape(theirs), name);
    }
    assert.ok(taken > corpus.length / 3, `${taken} of ${corpus.length}`);
  });

  it('knows every common value and its edges', () => {
    const raw = bytesOf({
      _id: new ObjectId(),
      ints: [0, -1, 0x7fffffff, -0x80000000].map((n) => new Int32(n)),
      doubles: [0, -0, 1.5, NaN, Infinity, 2 ** 60].map((n) => new Double(n)),
      longs: ['0', '-1', '4294967296', '9007199254740991', '-9007199254740991'].map((n) =>
        Long.fromString(n),
      ),
      beyond: ['9007199254740992', '-9007199254740992', '9007199254740993', '9223372036854775807'].map((n) =>
        Long.fromString(n),
      ),
      least: Long.fromString('-9223372036854775808'),
      dates: [0, -1, 8.64e15, 1.6e12].map((n) => new Date(n)),
      texts: ['', 'a', 'ü', '日本語', '🙂', 'x'.repeat(3000), 'ü'.repeat(300)],
      'ümlaut ': true,
      bools: [true, false, null],
      deep: { a: { b: [{ c: [[], {}] }] } },
      10: 'names like positions come first in JavaScript',
      9: 'in order',
      data: new Binary(Buffer.from('abc')),
      decimal: Decimal128.fromString('1.10'),
      stamp: new Timestamp({ t: 1, i: 2 }),
      constructor: 'a name that objects have already',
      toString: 1,
    });
    const mine = decoded(raw);
    assert.ok(mine);
    assert.deepEqual(mine, BSON.deserialize(raw));
    assert.deepEqual(shape(mine), shape(BSON.deserialize(raw)));
  });

  it('keeps the ids of documents apart', () => {
    const ids = [new ObjectId(), new ObjectId()];
    const shown = ids.map((_id) => decoded(bytesOf({ _id, ref: ids[0] })));
    assert.deepEqual(
      shown.map((doc) => String(doc?.['_id'])),
      ids.map(String),
    );
    assert.equal(String(shown[1]?.['ref']), String(ids[0]));
  });

  it('leaves references, __proto__ and text that is no UTF-8 to the driver', () => {
    const proto = bytesOf({ a: { x1proto12: 1 } });
    proto.write('__proto__', proto.indexOf('x1proto12'));
    const broken = bytesOf({ text: 'abc' });
    broken[broken.indexOf('abc')] = 0xff;
    for (const raw of [bytesOf({ a: { $ref: 'c', $id: 1 } }), proto, broken])
      assert.equal(decoded(raw), undefined);
    const shown = new Shown(proto);
    assert.deepEqual(shown.promoted, BSON.deserialize(proto));
    assert.equal(shown.first.length, 1);
    assert.equal(new Shown(broken).lossy, true);
  });
});
