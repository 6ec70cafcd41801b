// BSON changed without decoding keeps every byte that was not meant.
import assert from 'node:assert/strict';
import { BSON } from 'mongodb';
import {
  BrokenBson,
  ElementWalk,
  countElements,
  editDocument,
  editString,
  elementOf,
  elements,
  encodeElements,
  stringValue,
} from '../../../src/wire/rawBson';
import { random } from './chance';

const everything = {
  double: new BSON.Double(1),
  string: 'ä text',
  document: { nested: { deep: 'x' } },
  array: ['a', { b: 'c' }],
  binary: new BSON.Binary(Buffer.from([1, 2, 3]), 4),
  oid: new BSON.ObjectId(),
  yes: true,
  date: new Date(0),
  nothing: null,
  regex: new BSON.BSONRegExp('a.b', 'ix'),
  reference: new BSON.DBRef('c', new BSON.ObjectId()),
  code: new BSON.Code('return 1'),
  symbol: new BSON.BSONSymbol('s'),
  scoped: new BSON.Code('return a', { a: 1 }),
  int: new BSON.Int32(5),
  timestamp: new BSON.Timestamp({ t: 1, i: 2 }),
  long: BSON.Long.fromString('9007199254740993'),
  decimal: BSON.Decimal128.fromString('1.10'),
  least: new BSON.MinKey(),
  most: new BSON.MaxKey(),
};

describe('raw BSON', () => {
  const bytes = Buffer.from(BSON.serialize(everything));

  it('walks every type', () => {
    assert.deepEqual(
      [...elements(bytes)].map((element) => element.name),
      Object.keys(everything),
    );
    assert.equal(countElements(bytes), Object.keys(everything).length);
    assert.equal(stringValue(elementOf(bytes, 'string')), 'ä text');
    const numbers = new Map([...elements(bytes)].map((element) => [element.name, element]));
    for (const [name, number] of [
      ['double', 1],
      ['int', 5],
      ['yes', 1],
      ['long', 9007199254740992],
    ] as const) {
      const element = numbers.get(name);
      assert.ok(element);
      const walk = new ElementWalk(encodeElements([element]));
      assert.ok(walk.next());
      assert.equal(walk.number, number);
    }
    assert.ok(encodeElements([...elements(bytes)]).equals(bytes));
  });

  it('gives back the very same bytes when nothing is changed', () => {
    assert.equal(
      editDocument(bytes, {
        string: editString((text) => text),
        missing: () => null,
        int: { a: () => null },
      }),
      bytes,
    );
  });

  it('changes, shortens, and leaves out, also deep inside', () => {
    const edited = editDocument(bytes, {
      string: editString((text) => text.toUpperCase()),
      document: { nested: { deep: editString(() => 'much longer than before') } },
      array: { '*': { b: editString(() => '') } },
      regex: () => null,
    });
    const { regex: _regex, ...kept } = everything;
    const expected = BSON.serialize({
      ...kept,
      string: 'Ä TEXT',
      document: { nested: { deep: 'much longer than before' } },
      array: ['a', { b: '' }],
    });
    assert.ok(edited.equals(expected));
  });

  it('keeps duplicate and integer-like names in their order', () => {
    const odd = encodeElements([
      ...elements(BSON.serialize({ b: 'x' })),
      ...elements(BSON.serialize({ 2: 'x' })),
      ...elements(BSON.serialize({ 1: 'y' })),
      ...elements(BSON.serialize({ b: 'z' })),
    ]);
    const edited = editDocument(odd, { b: editString((text) => `${text}!`) });
    assert.deepEqual(
      [...elements(edited)].map((e) => [e.name, stringValue(e)]),
      [
        ['b', 'x!'],
        ['2', 'x'],
        ['1', 'y'],
        ['b', 'z!'],
      ],
    );
  });

  it('never runs away on broken bytes', () => {
    const chance = random(11);
    let broken = 0;
    for (let i = 0; i < 5000; i++) {
      const bad = Buffer.from(bytes);
      for (let j = 0; j < 3; j++) bad[Math.floor(chance() * bad.length)] = Math.floor(chance() * 256);
      try {
        editDocument(bad, {
          document: { nested: { deep: editString(() => 'y') } },
          '*': { '*': () => undefined },
        });
      } catch (error) {
        assert.ok(error instanceof BrokenBson, String(error));
        broken += 1;
      }
    }
    assert.ok(broken > 1000);
  });
});
