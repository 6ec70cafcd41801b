// Literals of a squashed migration: every BSON type comes back as it was, byte for byte.
import assert from 'node:assert/strict';
import { compileFunction } from 'node:vm';
import * as driver from 'mongodb';
import { BSON } from 'mongodb';
import { decodeExact } from '../../../src/engine/documents';
import { Literals } from '../../../src/engine/squash/literal';

const {
  Binary,
  BSONRegExp,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} = BSON;

const cases: Record<string, unknown> = {
  'whole numbers': [0, 1, -1, 2 ** 31 - 1, new Int32(-(2 ** 31))],
  doubles: [
    0.5,
    new Double(1),
    new Double(-0),
    new Double(2 ** 31),
    new Double(1e300),
    NaN,
    Infinity,
    -Infinity,
  ],
  longs: [Long.fromString('9007199254740993'), Long.fromString('-1'), Long.MAX_VALUE, Long.MIN_VALUE],
  decimals: [Decimal128.fromString('1.10'), Decimal128.fromString('NaN'), Decimal128.fromString('-1E-6176')],
  texts: ['', `it's "so" \\ \`\${x}\``, 'two\nlines\u2028', 'ä 😀 \u0000', '</script>'],
  times: [new Date(0), new Date('0001-01-01T00:00:00.000Z'), new Date('9999-12-31T23:59:59.999Z')],
  ids: [new ObjectId('65f000000000000000000001')],
  binaries: [
    new Binary(Buffer.from([0, 255]), 0),
    new Binary(Buffer.alloc(16, 1), 4),
    new Binary(Buffer.from('x'), 128),
  ],
  expressions: [new BSONRegExp('^a/b\\d', 'im')],
  timestamps: [new Timestamp({ t: 4_294_967_295, i: 1 })],
  keys: [new MinKey(), new MaxKey()],
  code: [new Code('function () {}'), new Code('x', { y: new Double(1) })],
  references: [new DBRef('c', new ObjectId('65f000000000000000000001'), 'other')],
  nothing: [null, true, false],
  nested: [
    {},
    [],
    { 'a-b': 1, 'a.b': { $c: [[new Double(2)]] }, class: 1, ['__proto__']: 2, ü: 'x'.repeat(200) },
  ],
};

describe('literals of a squashed migration', () => {
  for (const [what, value] of Object.entries(cases)) {
    it(`keep ${what}`, () => {
      const bytes = Buffer.from(BSON.serialize({ value }));
      const literals = new Literals();
      const text = literals.write(decodeExact(bytes), 0);
      const names = [...literals.classes];
      const made = compileFunction(`return ${text};`, names) as (...classes: unknown[]) => driver.Document;
      const back = made(...names.map((name) => (driver as unknown as Record<string, unknown>)[name]));
      assert.deepEqual(Buffer.from(BSON.serialize(back)), bytes, text);
    });
  }

  it('stand in several lines when they are long, and in one when they are short', () => {
    const write = (value: unknown): string => new Literals().write(value, 4);
    assert.equal(write({ a: 1, list: ['x'] }), `{ a: 1, list: ['x'] }`);
    assert.match(write({ a: 'x'.repeat(100), b: 1 }), /^\{\n {6}a: 'x+',\n {6}b: 1,\n {4}\}$/);
  });
});
