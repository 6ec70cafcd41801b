import assert from 'node:assert/strict';
import { BSON } from 'mongodb';
import { convertValue, Unconvertible, type Conversion } from '../../../src/engine/helpers/convertValue';
import { dateReader } from '../../../src/engine/helpers/dateText';
import type { ConvertTarget } from '../../../src/migration/kinds';

const { Decimal128, Long, ObjectId } = BSON;
const plain: Conversion = { readDate: dateReader({}), numbersAs: undefined };

function converted(value: unknown, target: ConvertTarget, conversion = plain): string {
  return BSON.EJSON.stringify(convertValue(value, target, conversion), { relaxed: false });
}

function refusal(value: unknown, target: ConvertTarget, conversion = plain): string {
  try {
    return `converted: ${converted(value, target, conversion)}`;
  } catch (error) {
    assert.ok(error instanceof Unconvertible, String(error));
    return error.message;
  }
}

describe('converting a value', () => {
  it('keeps every digit of a decimal, and refuses to round', () => {
    assert.equal(converted('12.50', 'decimal'), '{"$numberDecimal":"12.50"}');
    assert.equal(converted(' -0.1 ', 'decimal'), '{"$numberDecimal":"-0.1"}');
    assert.equal(converted(0.1, 'decimal'), '{"$numberDecimal":"0.1"}');
    assert.equal(
      converted(Long.fromString('9007199254740993'), 'decimal'),
      '{"$numberDecimal":"9007199254740993"}',
    );
    assert.equal(converted(2 ** 60, 'decimal'), '{"$numberDecimal":"1152921504606846976"}');
    assert.match(refusal('1.23456789012345678901234567890123456', 'decimal'), /rounded/);
    assert.match(refusal('1,234.50', 'decimal'), /"1,234.50" cannot be a decimal/);
    assert.match(refusal('', 'decimal'), /cannot be a decimal/);
    assert.match(refusal('NaN', 'decimal'), /cannot be a decimal/);
  });

  it('makes whole numbers of whole numbers that fit, and of nothing else', () => {
    assert.equal(converted('42', 'int'), '{"$numberInt":"42"}');
    assert.equal(converted('1.20e2', 'int'), '{"$numberInt":"120"}');
    assert.equal(converted(-2147483648, 'int'), '{"$numberInt":"-2147483648"}');
    assert.match(refusal(2147483648, 'int'), /too large for an int/);
    assert.match(refusal(1.5, 'int'), /no whole number/);
    assert.match(refusal(Number.NaN, 'long'), /no whole number/);
    assert.equal(converted('9223372036854775807', 'long'), '{"$numberLong":"9223372036854775807"}');
    assert.match(refusal('9223372036854775808', 'long'), /too large for a long/);
    assert.match(refusal('1e99999', 'long'), /too large for a long/);
    assert.equal(converted(Decimal128.fromString('7.00'), 'long'), '{"$numberLong":"7"}');
    assert.equal(converted(new Date(5), 'long'), '{"$numberLong":"5"}');
    assert.equal(converted(true, 'int'), '{"$numberInt":"1"}');
  });

  it('makes doubles of what a double holds', () => {
    assert.equal(converted('1.10', 'double'), '{"$numberDouble":"1.1"}');
    assert.equal(converted(Decimal128.fromString('0.1'), 'double'), '{"$numberDouble":"0.1"}');
    assert.match(refusal(Decimal128.fromString('0.10000000000000000001'), 'double'), /rounded/);
    assert.match(refusal(Long.fromString('9007199254740993'), 'double'), /rounded/);
    assert.match(refusal('1e400', 'double'), /rounded/);
  });

  it('reads ids, truth values and texts', () => {
    const id = '65f000000000000000000001';
    assert.equal(converted(id, 'objectId'), `{"$oid":"${id}"}`);
    assert.match(refusal('65f', 'objectId'), /cannot be an ObjectId/);
    assert.equal(converted('True', 'bool'), 'true');
    assert.equal(converted(0, 'bool'), 'false');
    for (const value of ['yes', '', 2, {}, new ObjectId(id)])
      assert.match(refusal(value, 'bool'), /true or false/);
    assert.equal(converted(new ObjectId(id), 'string'), `"${id}"`);
    assert.equal(converted(Decimal128.fromString('1.10'), 'string'), '"1.10"');
    assert.equal(converted(new Date(0), 'string'), '"1970-01-01T00:00:00.000Z"');
    assert.match(refusal({ a: 1 }, 'string'), /sub-document cannot be a string/);
  });

  it('reads ISO dates exactly', () => {
    const cases: [string, string][] = [
      ['2020-02-29', '2020-02-29T00:00:00.000Z'],
      ['2020-01-02T03:04', '2020-01-02T03:04:00.000Z'],
      ['2020-01-02 03:04:05.6', '2020-01-02T03:04:05.600Z'],
      ['2020-01-02T03:04:05.120000Z', '2020-01-02T03:04:05.120Z'],
      ['2020-01-02T03:04:05+05:30', '2020-01-01T21:34:05.000Z'],
      ['0099-01-02', '0099-01-02T00:00:00.000Z'],
    ];
    for (const [text, expected] of cases) {
      const date = convertValue(text, 'date', plain);
      assert.ok(date instanceof Date);
      assert.equal(date.toISOString(), expected, text);
    }
    assert.match(refusal('2021-02-29', 'date'), /"2021-02-29" is no such day/);
    assert.match(refusal('2021-01-32', 'date'), /no such day/);
    assert.match(refusal('2021-01-01T24:00', 'date'), /no such day or time/);
    assert.match(refusal('2020-01-02T03:04:05.1234Z', 'date'), /finer than a millisecond/);
    assert.match(refusal('Jun 12 1998', 'date'), /no ISO 8601 date/);
    assert.match(refusal('', 'date'), /no ISO 8601 date/);
    assert.match(refusal(5, 'date'), /numbersAs/);
    assert.equal(
      converted(1.5, 'date', { ...plain, numbersAs: 'seconds' }),
      converted(1500, 'date', { ...plain, numbersAs: 'milliseconds' }),
    );
    assert.match(refusal(1.5, 'date', { ...plain, numbersAs: 'milliseconds' }), /no date/);
  });

  it('reads formats, and the clocks of a time zone', () => {
    const read = (text: string, format: string | string[], timezone?: string): string => {
      const answer = dateReader({ format, timezone })(text);
      return 'date' in answer ? answer.date.toISOString() : answer.reason;
    };
    assert.equal(read('Jun 12 1998', '%b %d %Y'), '1998-06-12T00:00:00.000Z');
    assert.equal(read('31.12.1999 23:59', ['%Y-%m-%d', '%d.%m.%Y %H:%M']), '1999-12-31T23:59:00.000Z');
    assert.equal(read('366/2020', '%j/%Y'), '2020-12-31T00:00:00.000Z');
    assert.match(read('366/2021', '%j/%Y'), /no such day/);
    assert.match(read('12/31/1999', '%d/%m/%Y'), /no such day/);
    assert.match(read('1999', '%d.%m.%Y'), /no date of the form "%d.%m.%Y"/);
    assert.equal(read('2024-07-01 12:00', '%Y-%m-%d %H:%M', 'Europe/Berlin'), '2024-07-01T10:00:00.000Z');
    assert.equal(read('2024-01-01 12:00', '%Y-%m-%d %H:%M', 'America/New_York'), '2024-01-01T17:00:00.000Z');
    assert.match(read('2024-03-31 02:30', '%Y-%m-%d %H:%M', 'Europe/Berlin'), /skip/);
    assert.match(read('2024-10-27 02:30', '%Y-%m-%d %H:%M', 'Europe/Berlin'), /show twice/);
    assert.equal(read('2024-03-31 03:00', '%Y-%m-%d %H:%M', 'Europe/Berlin'), '2024-03-31T01:00:00.000Z');
    assert.throws(() => dateReader({ format: '%Q' }), /unknown "%Q"/);
    assert.throws(() => dateReader({ format: '%H:%M' }), /does not say year/);
    assert.throws(() => dateReader({ timezone: 'Mars/Olympus' }), /Mars\/Olympus/);
  });
});
