// The quick ways for common documents must say the same as the thorough ways, for every answer and every kind of value.
import assert from 'node:assert/strict';
import { BSON, Double, Int32, Long, ObjectId, Timestamp, type Document } from 'mongodb';
import { encodeValue } from '../../../src/transfer/encode';
import { fastApply, fastDiff, fastUndo, isJustChanged } from '../../../src/transfer/fastPatch';
import { fastReplacement } from '../../../src/transfer/fastReplacement';
import { fastUpdate } from '../../../src/transfer/fastUpdate';
import { interpret } from '../../../src/transfer/interpret';
import { Shown } from '../../../src/transfer/shown';
import { applyPatch, decodePatch, diff, encodePatch, takeBack } from '../../../src/transfer/patch';
import { objectValue } from '../../../src/transfer/raw';
import { corpus } from '../../support/corpus';

const bytesOf = (document: Document) => Buffer.from(BSON.serialize(document));

const base = {
  _id: new ObjectId('65a1b2c3d4e5f60718293a4b'),
  i: new Int32(7),
  d: new Double(7),
  l: Long.fromNumber(7),
  big: Long.fromNumber(2 ** 40),
  s: 'text ü',
  t: new Date(5),
  n: null,
  b: true,
  o: { x: new Double(1), y: { z: new Int32(2) }, id: new ObjectId() },
  a: [new Double(1), 'x', { k: Long.fromNumber(3) }],
  ts: new Timestamp({ t: 1, i: 2 }),
};

/** Changes of the promoted document, each handed back as a whole. */
const changes: [string, (doc: any) => Document][] = [
  ['nothing', (doc) => doc],
  ['a spread', (doc) => ({ ...doc })],
  ['a new field', (doc) => ({ ...doc, added: 'x', count: 3, half: 0.5, at: new Date(9) })],
  ['a changed nested field', (doc) => ({ ...doc, o: { ...doc.o, y: { z: 3 } } })],
  ['a changed number', (doc) => ({ ...doc, i: doc.i + 1, d: doc.d + 1 })],
  [
    'a mutation in place',
    (doc) => {
      doc.o.y.z = 9;
      doc.a.push('more');
      return doc;
    },
  ],
  [
    'a removed field',
    (doc) => {
      const { s: _, ...rest } = doc;
      return rest;
    },
  ],
  [
    'a removed field under a new name',
    (doc) => {
      const { d, ...rest } = doc;
      return { ...rest, renamed: d };
    },
  ],
  [
    'a moved part',
    (doc) => {
      const { o, ...rest } = doc;
      return { ...rest, inner: { o } };
    },
  ],
  ['swapped parts', (doc) => ({ ...doc, o: doc.a, a: doc.o })],
  ['an array that moved up', (doc) => ({ ...doc, a: doc.a.slice(2) })],
  ['another order', ({ _id, s, ...rest }) => ({ _id, ...rest, s })],
  ['undefined', (doc) => ({ ...doc, s: undefined, o: { ...doc.o, x: undefined } })],
  ['names like positions', (doc) => ({ ...doc, '7': 'seven', o: { ...doc.o, '1': 1 } })],
  ['a long text', (doc) => ({ ...doc, s: 'ü'.repeat(5000) })],
];

function thorough(shown: Shown, output: object): Buffer {
  return encodeValue(output, objectValue(shown.raw), '', { origin: shown.origin }).bytes as Buffer;
}

describe('the quick ways of the kernel', () => {
  for (const [name, change] of changes) {
    it(`encode a whole document like the thorough way: ${name}`, () => {
      const raw = bytesOf(base);
      const quickly = new Shown(raw);
      const fast = fastReplacement(quickly, change(quickly.promoted));
      const slowly = new Shown(raw);
      const slow = thorough(slowly, change(slowly.promoted));
      if (fast)
        assert.deepEqual(
          BSON.deserialize(fast, { promoteValues: false }),
          BSON.deserialize(slow, { promoteValues: false }),
        );
      if (fast) assert.deepEqual(fast, slow);
    });
  }

  it('take the quick way for the common changes', () => {
    const common = [
      'nothing',
      'a spread',
      'a new field',
      'a changed nested field',
      'a changed number',
      'a long text',
    ];
    const plain = bytesOf(Object.fromEntries(Object.entries(base).filter(([key]) => key !== 'ts')));
    for (const [name, change] of changes.filter(([title]) => common.includes(title))) {
      const shown = new Shown(plain);
      assert.ok(fastReplacement(shown, change(shown.promoted)), name);
    }
  });

  const sets: Document[] = [
    { $set: { s: 'new' } },
    { $set: { i: 7, d: 7, l: 7, s: 'text ü', b: true, n: null } },
    { $set: { i: 8, added: 1.5, minus: -0, at: new Date(3), none: null, yes: false } },
    { $unset: { s: '', missing: '' } },
    { $set: { renamed: 'text' }, $unset: { s: '' } },
    { $set: { s: '', long: 'x'.repeat(3000) } },
  ];
  for (const output of sets) {
    it(`read a plain update like the thorough way: ${JSON.stringify(output).slice(0, 60)}`, () => {
      const raw = bytesOf(base);
      const fast = fastUpdate(new Shown(raw), output);
      assert.ok(fast?.kind === 'update' && fast.encodedPatch);
      // A Map takes the thorough way.
      const slow = interpret(new Shown(raw), new Map(Object.entries(output)));
      assert.ok(slow.kind === 'update' && slow.patch);
      assert.deepEqual(decodePatch(fast.encodedPatch), decodePatch(encodePatch(slow.patch)));
      const decode = (bytes: Uint8Array) => BSON.deserialize(bytes, { promoteValues: false });
      assert.deepEqual(
        Object.keys(decode(fast.u.bytes)['$set'] ?? {}),
        Object.keys(decode(slow.u.bytes)['$set'] ?? {}),
      );
      assert.deepEqual(decode(fast.u.bytes)['$set'], decode(slow.u.bytes)['$set']);
      assert.deepEqual(fastApply(raw, fast.encodedPatch) ?? raw, applyPatch(raw, slow.patch));
    });
  }

  it('leave to the thorough way what is not plain', () => {
    for (const output of [
      { $inc: { i: 1 } },
      { $set: { 'a.b': 1 } },
      { $set: { x: {} } },
      { $set: { x: undefined } },
      { $set: { x: 2 ** 40 } },
      { $set: { $x: 1 } },
      { $set: { _id: 1 } },
    ]) {
      assert.equal(fastUpdate(new Shown(bytesOf(base)), output), undefined, JSON.stringify(output));
    }
  });

  it('read and take back changes like the thorough way, for all kinds of values', () => {
    for (const { name, bytes } of corpus) {
      const after = applyPatch(bytes, {
        kind: 'paths',
        touched: [{ path: ['added'], after: { type: 16, bytes: Buffer.from([1, 0, 0, 0]) } }],
      });
      const fast = fastDiff(bytes, after);
      const slow = diff(bytes, after);
      if (fast) {
        assert.deepEqual(decodePatch(fast), decodePatch(encodePatch(slow)), name);
        assert.ok(isJustChanged(bytes, fast, after), name);
        assert.deepEqual(fastApply(bytes, fast), after, name);
      }
      assert.deepEqual(takeBack(bytes, slow, after), bytes, name);
      assert.equal(isJustChanged(bytes, encodePatch(slow), bytes), false, name);
      assert.equal(fastDiff(bytes, Buffer.from(bytes)) ?? null, null, name);
    }
  });

  it('see every write of others', () => {
    const before = bytesOf({ _id: 1, a: 1, b: 2, c: 3 });
    const after = bytesOf({ _id: 1, a: 1, b: 20, c: 3, d: 4 });
    const patch = fastDiff(before, after)!;
    assert.ok(isJustChanged(before, patch, after));
    for (const now of [
      { _id: 1, a: 1, b: 21, c: 3, d: 4 },
      { _id: 1, a: 5, b: 20, c: 3, d: 4 },
      { _id: 1, a: 1, b: 20, c: 3 },
      { _id: 1, a: 1, b: 20, c: 3, d: 4, e: 5 },
      { _id: 1, b: 20, c: 3, d: 4 },
      { _id: 1, a: 1, c: 3, b: 20, d: 5 },
    ]) {
      assert.equal(isJustChanged(before, patch, bytesOf(now)), false, JSON.stringify(now));
    }
  });

  it('take a change back field by field where the fields stand in their old order', () => {
    const undo = (before: Document, after: Document, now = after) => {
      const patch =
        fastDiff(bytesOf(before), bytesOf(after)) ?? encodePatch(diff(bytesOf(before), bytesOf(after)));
      const found = fastUndo(bytesOf(before), patch, bytesOf(now));
      return found && (found.u ? BSON.deserialize(found.u, { promoteValues: false }) : 'whole');
    };
    const before = { _id: 1, a: new Int32(1), b: 'x' };
    assert.deepEqual(undo(before, { ...before, a: new Double(1), c: 1, d: 2 }), {
      $set: { a: new Int32(1) },
      $unset: { c: null, d: null },
    });
    assert.deepEqual(undo(before, { ...before, c: 1 }), { $unset: { c: null } });
    assert.equal(undo(before, { _id: 1, b: 'x' }), 'whole');
    assert.equal(undo(before, { _id: 1, b: 'x', a: 2 }), 'whole');
    assert.equal(undo(before, { ...before, 'c.d': 1 }), 'whole');
    assert.equal(undo(before, { ...before, $c: 1 }), 'whole');
    assert.equal(undo(before, { ...before, c: 1 }, { ...before, c: 2 }), undefined);
  });
});
