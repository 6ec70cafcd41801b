// Documents that programs lose or change when they decode and encode them: each type of BSON with its edges, and the
// shapes that a driver cannot keep. All made by hand, byte for byte; insertRaw (rawInsert.ts) brings them in.

/** A document of the corpus. */
export interface CorpusDocument {
  /** What is special about it; also its `_id`, a string, except in `corpusOfIds`. */
  name: string;
  bytes: Buffer;
  /**
   * Whether it comes back byte for byte when the driver decodes it with `promoteValues: false, bsonRegExp: true` and
   * encodes it again. Others need the server's own hands, or bytes that nobody decodes.
   */
  survivesDriver: boolean;
}

type Element = Buffer;

/** One element: type, name and value as bytes. */
export function element(type: number, name: string | Buffer, value: Buffer): Element {
  return Buffer.concat([Buffer.from([type]), cString(name), value]);
}

/** A document of these elements, in this order. */
export function documentOf(...elements: Element[]): Buffer {
  const body = Buffer.concat(elements);
  return Buffer.concat([int32(body.length + 5), body, Buffer.from([0])]);
}

const none = Buffer.alloc(0);
const oid = Buffer.from('65a1b2c3d4e5f60718293a4b', 'hex');

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}
function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
function cString(text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(text as string), Buffer.from([0])]);
}
function textOf(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes as string);
  return Buffer.concat([int32(content.length + 1), content, Buffer.from([0])]);
}
function binary(subtype: number, content: Buffer): Buffer {
  return Buffer.concat([int32(content.length), Buffer.from([subtype]), content]);
}
function codeWithScope(code: string, scope: Buffer): Buffer {
  const body = Buffer.concat([textOf(code), scope]);
  return Buffer.concat([int32(body.length + 4), body]);
}
function timestamp(seconds: number, increment: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(increment, 0);
  bytes.writeUInt32LE(seconds, 4);
  return bytes;
}

function dbRef(...more: Element[]): Buffer {
  return documentOf(
    element(0x02, '$ref', textOf('things')),
    element(0x07, '$id', oid),
    element(0x02, '$db', textOf('shop')),
    ...more,
  );
}

const decimalOne = Buffer.from('01000000000000000000000000004030', 'hex');
/** 1.00: equal to 1 for the server, but another number of digits. */
const decimalOnePointZeroZero = Buffer.from('64000000000000000000000000003c30', 'hex');
const decimalNaN = Buffer.from('0000000000000000000000000000007c', 'hex');
const decimalInfinity = Buffer.from('00000000000000000000000000000078', 'hex');
const decimalNegativeInfinity = Buffer.from('000000000000000000000000000000f8', 'hex');
const decimalNegativeZero = Buffer.from('000000000000000000000000000040b0', 'hex');
const decimalSmallest = Buffer.from('01000000000000000000000000000000', 'hex');
const decimalLongest = Buffer.from('ffffffff638e8d37c087adbe09edff5f', 'hex');

/** Values under the name `value`: what is special, type, bytes. */
const values: [name: string, type: number, bytes: Buffer][] = [
  ['double 1.0', 0x01, double(1)],
  ['double 0.1', 0x01, double(0.1)],
  ['double -0', 0x01, double(-0)],
  ['double NaN', 0x01, double(NaN)],
  ['double NaN with a payload', 0x01, Buffer.from('230100000000f87f', 'hex')],
  ['double Infinity', 0x01, double(Infinity)],
  ['double -Infinity', 0x01, double(-Infinity)],
  ['double smallest', 0x01, double(5e-324)],
  ['double 2^53', 0x01, double(2 ** 53)],
  ['string empty', 0x02, textOf('')],
  ['string beyond ASCII', 0x02, textOf('Łódź, 東京, 🦆')],
  ['string with a zero', 0x02, textOf('a\0b')],
  ['document empty', 0x03, documentOf()],
  ['array empty', 0x04, documentOf()],
  ['binary empty', 0x05, binary(0, none)],
  ['binary generic', 0x05, binary(0, Buffer.from([0, 1, 254, 255]))],
  ['binary function', 0x05, binary(1, Buffer.from([1, 2, 3]))],
  ['binary old', 0x05, binary(2, Buffer.concat([int32(3), Buffer.from([1, 2, 3])]))],
  ['binary UUID old', 0x05, binary(3, Buffer.alloc(16, 7))],
  ['binary UUID', 0x05, binary(4, Buffer.from('0123456789ab4def8123456789abcdef', 'hex'))],
  ['binary MD5', 0x05, binary(5, Buffer.alloc(16, 9))],
  ['binary encrypted', 0x05, binary(6, Buffer.from([0, 1, 2, 3]))],
  ['binary sensitive', 0x05, binary(8, Buffer.from('secret'))],
  ['binary vector', 0x05, binary(9, Buffer.from('2700000080bf0000c07f', 'hex'))],
  ['binary of a user', 0x05, binary(128, Buffer.from([1, 2, 3]))],
  ['ObjectId', 0x07, oid],
  ['true', 0x08, Buffer.from([1])],
  ['false', 0x08, Buffer.from([0])],
  ['date', 0x09, int64(1_700_000_000_123n)],
  ['date before 1970', 0x09, int64(-1n)],
  ['date at the end of JavaScript', 0x09, int64(8_640_000_000_000_000n)],
  ['date at the beginning of JavaScript', 0x09, int64(-8_640_000_000_000_000n)],
  ['null', 0x0a, none],
  ['regular expression', 0x0b, Buffer.concat([cString('^a.*z$'), cString('im')])],
  ['regular expression with x', 0x0b, Buffer.concat([cString('a b # words'), cString('sx')])],
  ['regular expression empty', 0x0b, Buffer.concat([cString(''), cString('')])],
  ['code', 0x0d, textOf('function () { return 1; }')],
  ['symbol', 0x0e, textOf('a symbol')],
  ['code with scope', 0x0f, codeWithScope('return x', documentOf(element(0x10, 'x', int32(1))))],
  ['int32', 0x10, int32(1)],
  ['int32 smallest', 0x10, int32(-(2 ** 31))],
  ['timestamp', 0x11, timestamp(1_700_000_000, 7)],
  ['timestamp with high bits', 0x11, timestamp(0xffff_fffe, 0xffff_ffff)],
  ['long 1', 0x12, int64(1n)],
  ['long 2^40', 0x12, int64(2n ** 40n)],
  ['long 2^53+1', 0x12, int64(2n ** 53n + 1n)],
  ['long smallest', 0x12, int64(-(2n ** 63n))],
  ['decimal 1', 0x13, decimalOne],
  ['decimal 1.00', 0x13, decimalOnePointZeroZero],
  ['decimal NaN', 0x13, decimalNaN],
  ['decimal Infinity', 0x13, decimalInfinity],
  ['decimal -Infinity', 0x13, decimalNegativeInfinity],
  ['decimal -0', 0x13, decimalNegativeZero],
  ['decimal smallest', 0x13, decimalSmallest],
  ['decimal of 34 digits', 0x13, decimalLongest],
  ['MinKey', 0xff, none],
  ['MaxKey', 0x7f, none],
  ['DBRef in its usual order', 0x03, dbRef()],
  [
    'array of many types',
    0x04,
    documentOf(
      element(0x01, '0', double(1)),
      element(0x12, '1', int64(1n)),
      element(0x04, '2', documentOf(element(0x04, '0', documentOf(element(0x0a, '0', none))))),
      element(0x03, '3', documentOf(element(0x10, 'a', int32(1)))),
    ),
  ],
  ['code with scope inside an array', 0x04, documentOf(element(0x0f, '0', codeWithScope('', documentOf())))],
  ['DBRef with more', 0x03, dbRef(element(0x10, 'more', int32(1)))],
  ['timestamp zero inside', 0x03, documentOf(element(0x11, 'at', timestamp(0, 0)))],
  ['nested a hundred deep', 0x03, nested(99)],
];

/** The same, for values that do not survive decoding and encoding. */
const lostValues: [name: string, type: number, bytes: Buffer][] = [
  ['undefined', 0x06, none],
  [
    'array with holes',
    0x04,
    documentOf(element(0x10, '0', int32(1)), element(0x06, '1', none), element(0x10, '2', int32(3))),
  ],
  ['DBPointer', 0x0c, Buffer.concat([textOf('things'), oid])],
  ['date beyond JavaScript', 0x09, int64(9_000_000_000_000_000n)],
  ['date smallest', 0x09, int64(-(2n ** 63n))],
  ['date largest', 0x09, int64(2n ** 63n - 1n)],
  ['integer-like names', 0x03, documentOf(element(0x10, 'b', int32(1)), element(0x10, '1', int32(2)))],
  ['a name twice', 0x03, documentOf(element(0x10, 'a', int32(1)), element(0x10, 'a', int32(2)))],
  [
    'a name twice far inside',
    0x04,
    documentOf(
      element(0x03, '0', documentOf(element(0x0a, 'a', none), element(0x12, 'a', int64(1n)))),
      element(0x10, '1', int32(1)),
    ),
  ],
  [
    'DBRef the other way round',
    0x03,
    documentOf(element(0x07, '$id', oid), element(0x02, '$ref', textOf('things'))),
  ],
  ['string that is no UTF-8', 0x02, textOf(Buffer.from([0x61, 0xff, 0xfe]))],
  [
    'names that are no UTF-8',
    0x03,
    documentOf(
      element(0x10, Buffer.from([0x61, 0xff]), int32(1)),
      element(0x10, Buffer.from([0x61, 0xfe]), int32(2)),
    ),
  ],
  ['a field _bsontype', 0x03, documentOf(element(0x02, '_bsontype', textOf('ObjectId')))],
  [
    'array whose names do not count up',
    0x04,
    documentOf(element(0x10, '7', int32(1)), element(0x10, '3', int32(2))),
  ],
];

/** Documents with a special top level; `_id` comes before these elements. */
const shapes: [name: string, elements: Element[], survivesDriver: boolean][] = [
  [
    'dotted name',
    [element(0x10, 'a.b', int32(1)), element(0x03, 'a', documentOf(element(0x10, 'b', int32(2))))],
    true,
  ],
  [
    'dotted and empty names inside',
    [
      element(
        0x03,
        'a',
        documentOf(
          element(0x10, 'b.c', int32(1)),
          element(0x10, '.', int32(2)),
          element(0x10, '', int32(3)),
          element(0x03, 'b', documentOf(element(0x10, 'c', int32(4)))),
        ),
      ),
    ],
    true,
  ],
  ['a name with a dot at its end', [element(0x10, 'a.', int32(1)), element(0x10, '.a', int32(1))], true],
  ['dollar inside', [element(0x03, 'a', documentOf(element(0x10, '$b', int32(1))))], true],
  ['empty name', [element(0x10, '', int32(1))], true],
  ['__proto__', [element(0x10, '__proto__', int32(1))], true],
  [
    'names that objects have',
    [
      element(
        0x03,
        'a',
        documentOf(
          element(0x03, '__proto__', documentOf(element(0x10, 'b', int32(1)))),
          element(0x02, 'constructor', textOf('c')),
          element(0x01, 'toString', double(1)),
          element(0x12, 'hasOwnProperty', int64(1n)),
        ),
      ),
    ],
    true,
  ],
  ['integer-like names at the top', [element(0x10, 'b', int32(1)), element(0x10, '1', int32(2))], false],
  ['a name that is no UTF-8 at the top', [element(0x10, Buffer.from([0xff]), int32(1))], false],
  ['a name twice at the top', [element(0x10, 'a', int32(1)), element(0x02, 'a', textOf('again'))], false],
];

/** One document for each type and edge of BSON; `_id` is the name. Accepted by every server from 4.4 on. */
export const corpus: readonly CorpusDocument[] = [
  ...values.map((value) => withValue(...value, true)),
  ...lostValues.map((value) => withValue(...value, false)),
  ...shapes.map(([name, elements, survivesDriver]) => ({
    name,
    bytes: documentOf(element(0x02, '_id', textOf(name)), ...elements),
    survivesDriver,
  })),
];

/** Documents that differ in the type of their `_id`, some of which compare as neighbours across types. */
export const corpusOfIds: readonly CorpusDocument[] = [
  withId('MinKey', 0xff, none),
  withId('null', 0x0a, none),
  withId('int32', 0x10, int32(1)),
  withId('double', 0x01, double(1.5)),
  withId('double NaN', 0x01, double(NaN)),
  withId('long', 0x12, int64(2n ** 53n + 1n)),
  withId('decimal', 0x13, decimalLongest),
  withId('string', 0x02, textOf('id')),
  withId('string beyond ASCII', 0x02, textOf('Łódź')),
  withId('document', 0x03, documentOf(element(0x10, 'a', int32(1)), element(0x10, 'b', int32(1)))),
  withId(
    'document in another order',
    0x03,
    documentOf(element(0x10, 'b', int32(1)), element(0x10, 'a', int32(1))),
  ),
  withId('document empty', 0x03, documentOf()),
  withId('binary UUID old', 0x05, binary(3, Buffer.alloc(16, 7))),
  withId('binary UUID', 0x05, binary(4, Buffer.alloc(16, 7))),
  withId('ObjectId', 0x07, oid),
  withId('false', 0x08, Buffer.from([0])),
  withId('date', 0x09, int64(1_700_000_000_123n)),
  withId('timestamp', 0x11, timestamp(1_700_000_000, 7)),
  withId('MaxKey', 0x7f, none),
  withId(
    'document with integer-like names',
    0x03,
    documentOf(element(0x10, 'b', int32(1)), element(0x10, '1', int32(1))),
    false,
  ),
];

function withValue(name: string, type: number, bytes: Buffer, survivesDriver: boolean): CorpusDocument {
  const id = element(0x02, '_id', textOf(name));
  return { name, bytes: documentOf(id, element(type, 'value', bytes)), survivesDriver };
}

function withId(name: string, type: number, bytes: Buffer, survivesDriver = true): CorpusDocument {
  return {
    name,
    bytes: documentOf(element(type, '_id', bytes), element(0x02, 'name', textOf(name))),
    survivesDriver,
  };
}

function nested(depth: number): Buffer {
  let inner = documentOf(element(0x10, 'end', int32(1)));
  for (let level = 1; level < depth; level++) inner = documentOf(element(0x03, 'in', inner));
  return inner;
}
