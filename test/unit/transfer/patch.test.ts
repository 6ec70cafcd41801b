// Taking a change back from a document that others have written to since: what comes back, what stays, and when not.
import assert from 'node:assert/strict';
import { BSON, Double, type Document } from 'mongodb';
import {
  decodePatch,
  diff,
  encodePatch,
  isApplied,
  isUnapplied,
  takeBack,
} from '../../../src/transfer/patch';

const bytesOf = (document: Document) => Buffer.from(BSON.serialize(document));

interface Case {
  name: string;
  before: Document;
  after: Document;
  now: Document;
  /** What it is taken back to; undefined = a conflict. */
  back: Document | undefined;
}

const cases: Case[] = [
  {
    name: 'nobody wrote',
    before: { _id: 1, a: 1, b: 2 },
    after: { _id: 1, a: 5, b: 2 },
    now: { _id: 1, a: 5, b: 2 },
    back: { _id: 1, a: 1, b: 2 },
  },
  {
    name: 'another field was written',
    before: { _id: 1, a: 1, b: 2 },
    after: { _id: 1, a: 5, b: 2 },
    now: { _id: 1, a: 5, b: 9 },
    back: { _id: 1, a: 1, b: 9 },
  },
  {
    name: 'the field was written',
    before: { _id: 1, a: 1 },
    after: { _id: 1, a: 5 },
    now: { _id: 1, a: 6 },
    back: undefined,
  },
  {
    name: 'the field has another type',
    before: { _id: 1, a: 1 },
    after: { _id: 1, a: 5 },
    now: { _id: 1, a: new Double(5) },
    back: undefined,
  },
  {
    name: 'a removed field comes back to its place',
    before: { _id: 1, a: 1, b: 2 },
    after: { _id: 1, b: 2 },
    now: { _id: 1, b: 3, c: 4 },
    back: { _id: 1, a: 1, b: 3, c: 4 },
  },
  {
    name: 'a removed field was written again',
    before: { _id: 1, a: 1 },
    after: { _id: 1 },
    now: { _id: 1, a: 2 },
    back: undefined,
  },
  {
    name: 'an added field goes',
    before: { _id: 1 },
    after: { _id: 1, a: 1 },
    now: { _id: 1, a: 1, b: 1 },
    back: { _id: 1, b: 1 },
  },
  {
    name: 'a sibling in a sub-document was written',
    before: { _id: 1, o: { a: 1, b: 1 } },
    after: { _id: 1, o: { a: 5, b: 1 } },
    now: { _id: 1, o: { a: 5, b: 7 } },
    back: { _id: 1, o: { a: 1, b: 7 } },
  },
  {
    name: 'the sub-document is none any more',
    before: { _id: 1, o: { a: 1 } },
    after: { _id: 1, o: { a: 5 } },
    now: { _id: 1, o: 'text' },
    back: undefined,
  },
  {
    name: 'an array is touched as a whole',
    before: { _id: 1, l: [1, 2] },
    after: { _id: 1, l: [1, 3] },
    now: { _id: 1, l: [1, 3, 4] },
    back: undefined,
  },
  {
    name: 'the order of the fields comes back',
    before: { _id: 1, a: 1, b: 2, c: 3 },
    after: { _id: 1, c: 3, b: 5, a: 1 },
    now: { _id: 1, c: 3, b: 5, a: 1 },
    back: { _id: 1, a: 1, b: 2, c: 3 },
  },
  {
    name: 'only the order was changed',
    before: { _id: 1, a: 1, b: 2 },
    after: { _id: 1, b: 2, a: 1 },
    now: { _id: 1, b: 2, a: 1 },
    back: { _id: 1, a: 1, b: 2 },
  },
  {
    name: 'names with dots and dollars',
    before: { _id: 1, 'a.b': 1, $x: 1 },
    after: { _id: 1, 'a.b': 2, $x: 2 },
    now: { _id: 1, 'a.b': 2, $x: 2, y: 1 },
    back: { _id: 1, 'a.b': 1, $x: 1, y: 1 },
  },
];

describe('taking a change back', () => {
  for (const { name, before, after, now, back } of cases) {
    it(name, () => {
      const patch = decodePatch(encodePatch(diff(bytesOf(before), bytesOf(after))));
      const found = takeBack(bytesOf(before), patch, bytesOf(now));
      assert.deepEqual(found && BSON.deserialize(found), back);
      if (back && found) assert.deepEqual(found, bytesOf(back));
      assert.equal(isApplied(patch, bytesOf(after)), true);
      assert.equal(isUnapplied(patch, bytesOf(before), bytesOf(before)), true);
      assert.equal(isUnapplied(patch, bytesOf(before), bytesOf(after)), false);
    });
  }
});
