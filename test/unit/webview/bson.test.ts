import assert from 'node:assert/strict';
import { tooLarge } from '../../../src/protocol/panel';
import { compareDocuments, inside, isTooLarge, readDocument, readValue } from '../../../src/webview/bson';

const told = (value: unknown): string => {
  const { type, text } = readValue(value);
  return `${type} ${text}`;
};

describe('Extended JSON in the panel', () => {
  it('names the BSON type of every value and keeps its exact text', () => {
    assert.equal(told({ $oid: '65e2f3c9a1b2c3d4e5f60001' }), 'ObjectId 65e2f3c9a1b2c3d4e5f60001');
    assert.equal(told({ $numberInt: '5' }), 'Int32 5');
    assert.equal(told({ $numberLong: '9007199254740993' }), 'Long 9007199254740993');
    assert.equal(told({ $numberDouble: '4.0' }), 'Double 4.0');
    assert.equal(told({ $numberDecimal: '9.990' }), 'Decimal128 9.990');
    assert.equal(told({ $date: { $numberLong: '897609600000' } }), 'Date 1998-06-12T00:00:00Z');
    assert.equal(told({ $date: { $numberLong: '1' } }), 'Date 1970-01-01T00:00:00.001Z');
    assert.equal(told({ $regularExpression: { pattern: '^a', options: 'i' } }), 'Regex /^a/i');
    assert.equal(told({ $timestamp: { t: 7, i: 2 } }), 'Timestamp (7, 2)');
    assert.equal(
      told({ $binary: { base64: 'EjRWeBI0VngSNFZ4EjRWeA==', subType: '04' } }),
      'UUID 12345678-1234-5678-1234-567812345678',
    );
    assert.equal(told({ $binary: { base64: 'AAE=', subType: '00' } }), 'Binary (00) AAE=');
    assert.equal(told('a "b"'), 'String "a \\"b\\""');
    assert.equal(told(null), 'Null null');
    assert.equal(told(true), 'Boolean true');
    assert.equal(told({ $minKey: 1 }), 'MinKey MinKey');
    assert.equal(told({ $undefined: true }), 'Undefined undefined');
  });

  it('writes a date that JavaScript cannot as its number', () => {
    assert.equal(told({ $date: { $numberLong: '9223372036854775807' } }), 'Date 9223372036854775807 ms');
  });

  it('tells the types of nested values in their text', () => {
    const value = readValue({ a: { $numberLong: '1' }, 'b c': [{ $oid: 'ff' }, { $numberInt: '2' }] });
    assert.equal(inside(value), '{ a: Long(1), "b c": [ObjectId("ff"), 2] }');
  });

  it('takes an object whose key only looks like a type for an object', () => {
    assert.equal(told({ $oid: 'x', other: 1 }).startsWith('Object'), true);
    assert.equal(told({ constructor: 1 }).startsWith('Object'), true);
    assert.equal(told({}), 'Object {}');
  });

  it('reads documents also as text, and null as no document', () => {
    assert.equal(readDocument('{"a":{"$numberInt":"1"}}')?.text, '{ a: 1 }');
    assert.equal(readDocument(null), null);
    assert.equal(readDocument('not json')?.type, 'String');
  });

  it('knows the stand-in for a large document, and no document of the same look', () => {
    assert.ok(isTooLarge({ ...tooLarge }));
    for (const other of [{ ...tooLarge, _id: 1 }, {}, null, '{"$tooLarge":true}'])
      assert.ok(!isTooLarge(other));
  });

  it('reads a document once, however often the page is drawn', () => {
    const document = { a: { $numberInt: '1' } };
    assert.equal(readDocument(document), readDocument(document));
  });
});

describe('Comparing documents in the panel', () => {
  const compare = (before: unknown, after: unknown): string[] =>
    compareDocuments(readDocument(before), readDocument(after)).map(
      ({ path, change }) => `${change} ${path}`,
    );

  it('goes field by field, in the order of the new document', () => {
    assert.deepEqual(compare({ a: 1, gone: 2, b: 3 }, { b: 3, a: 4, neu: 5 }), [
      'same b',
      'changed a',
      'removed gone',
      'added neu',
    ]);
  });

  it('sees a change of type alone', () => {
    assert.deepEqual(compare({ n: { $numberInt: '5' } }, { n: { $numberLong: '5' } }), ['changed n']);
    assert.deepEqual(compare({ n: [{ $numberInt: '5' }] }, { n: [{ $numberDouble: '5' }] }), ['changed n.0']);
  });

  it('goes into objects, and into arrays of the same length', () => {
    assert.deepEqual(compare({ a: { x: 1, y: [1, 2] } }, { a: { x: 1, y: [1, 3], z: 0 } }), [
      'same a.x',
      'same a.y.0',
      'changed a.y.1',
      'added a.z',
    ]);
    assert.deepEqual(compare({ a: [1] }, { a: [1, 2] }), ['changed a']);
    assert.deepEqual(compare({ a: {} }, { a: { b: 1 } }), ['added a.b']);
  });

  it('sees a new order of the fields of a value as its change', () => {
    assert.deepEqual(compare({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } }), ['changed a']);
  });

  it('takes everything for added or removed when one document is missing', () => {
    assert.deepEqual(compare(null, { a: 1 }), ['added a']);
    assert.deepEqual(compare({ a: 1 }, null), ['removed a']);
  });
});
