// One value into another BSON type, exactly or not at all. What cannot be converted says why; nothing is rounded, cut
// or turned into null.
import { BSON, type Document } from 'mongodb';
import type { ConvertTarget } from '../../migration/kinds';
import type { DateAnswer } from './dateText';

const { Decimal128, Double, Int32, Long, ObjectId } = BSON;

/** Why a value cannot be converted; the message goes behind the field's name. */
export class Unconvertible extends Error {
  override readonly name = 'Unconvertible';
}

export interface Conversion {
  readDate: (text: string) => DateAnswer;
  /** What numbers count, when they become dates. */
  numbersAs: 'seconds' | 'milliseconds' | undefined;
}

type Converter = (value: unknown, conversion: Conversion) => unknown;

const converters: Record<ConvertTarget, Converter> = {
  date: toDate,
  decimal: toDecimal,
  double: toDouble,
  int: (value) => new Int32(Number(toWhole(value, -(2n ** 31n), 2n ** 31n - 1n, 'an int'))),
  long: (value) => Long.fromBigInt(toWhole(value, -(2n ** 63n), 2n ** 63n - 1n, 'a long')),
  objectId: toObjectId,
  bool: toBool,
  string: toText,
};

export const convertTargets: readonly string[] = Object.keys(converters);

/** @param value as the driver promotes it. @throws Unconvertible */
export function convertValue(value: unknown, target: ConvertTarget, conversion: Conversion): unknown {
  return converters[target](value, conversion);
}

function toDate(value: unknown, { readDate, numbersAs }: Conversion): Date {
  if (value instanceof Date) return value;
  if (typeof value === 'string') {
    const answer = readDate(value);
    if ('date' in answer) return answer.date;
    throw new Unconvertible(`${shown(value)} is ${answer.reason}`);
  }
  if (numericText(value) === undefined) throw impossible(value, 'a date');
  if (numbersAs === undefined)
    throw new Unconvertible(
      `${shown(value)} is a number: say with \`numbersAs\` whether it counts seconds or milliseconds`,
    );
  const parsed = parse(numericText(value) ?? '');
  const ms = parsed && whole({ ...parsed, exponent: parsed.exponent + (numbersAs === 'seconds' ? 3 : 0) });
  const date = new Date(Number(ms ?? Number.NaN));
  if (Number.isNaN(date.getTime())) throw new Unconvertible(`${shown(value)} is no date`);
  return date;
}

function toDecimal(value: unknown): unknown {
  if (typeOf(value) === 'Decimal128') return value;
  const text = wantNumber(value, 'a decimal');
  try {
    return Decimal128.fromString(text);
  } catch {
    throw new Unconvertible(`${shown(value)} would have to be rounded as a decimal`);
  }
}

function toDouble(value: unknown): unknown {
  const text = wantNumber(value, 'a double');
  const number = Number(text);
  if (!/^-?(?:NaN|Infinity)$/.test(text)) {
    const [given, kept] = [parse(text), parse(numericText(number) ?? '')];
    const same = given && kept && given.coefficient === kept.coefficient && given.exponent === kept.exponent;
    if (!same) throw new Unconvertible(`${shown(value)} would have to be rounded as a double`);
  }
  return new Double(number);
}

function toWhole(value: unknown, least: bigint, most: bigint, what: string): bigint {
  const parsed = parse(wantNumber(value, what));
  const found = parsed && whole(parsed);
  if (found === undefined) throw new Unconvertible(`${shown(value)} is no whole number`);
  if (found < least || found > most) throw new Unconvertible(`${shown(value)} is too large for ${what}`);
  return found;
}

function toObjectId(value: unknown): unknown {
  if (typeOf(value) === 'ObjectId') return value;
  if (typeof value === 'string' && /^[0-9a-f]{24}$/i.test(value.trim())) return new ObjectId(value.trim());
  throw impossible(value, 'an ObjectId');
}

function toBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.trim().toLowerCase() : undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  const parsed = text === undefined ? parse(numericText(value) ?? '') : undefined;
  const number = parsed && whole(parsed);
  if (number === 0n || number === 1n) return number === 1n;
  throw impossible(value, 'true or false');
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Date) return value.toISOString();
  const number = numericText(value);
  if (number !== undefined) return number;
  if (typeOf(value) === 'ObjectId') return String(value);
  throw impossible(value, 'a string');
}

/** The digits of a number, of a string that is one, or of a truth value; a date counts milliseconds. */
function wantNumber(value: unknown, what: string): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (value instanceof Date) return String(value.getTime());
  if (typeof value === 'string') {
    const text = value.trim();
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,5})?$/i.test(text)) return text.replace(/^\+/, '');
    throw impossible(value, what);
  }
  const text = numericText(value);
  if (text === undefined) throw impossible(value, what);
  return text;
}

/** The shortest text that stands for exactly this number; undefined for anything else. */
function numericText(value: unknown): string | undefined {
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return '-0';
    // Above 2^53 the shortest text of a double is not its value any more.
    if (Number.isInteger(value) && Math.abs(value) >= 2 ** 53 && Math.abs(value) < 1e34)
      return BigInt(value).toString();
    return String(value);
  }
  if (typeof value === 'bigint') return String(value);
  const type = typeOf(value);
  return type === 'Long' || type === 'Decimal128' || type === 'Int32' || type === 'Double'
    ? String(value)
    : undefined;
}

interface Parsed {
  /** Without zeros at its end. */
  coefficient: bigint;
  exponent: number;
}

function parse(text: string): Parsed | undefined {
  const found = /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (!found) return undefined;
  const [, sign, before = '', after = '', power = '0'] = found;
  const digits = `${before}${after}`.replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return { coefficient: 0n, exponent: 0 };
  const exponent = Number(power) - after.length + (digits.length - kept.length);
  return { coefficient: BigInt(`${sign === '-' ? '-' : ''}${kept}`), exponent };
}

/** The number if it is whole and not larger than any integer type. */
function whole({ coefficient, exponent }: Parsed): bigint | undefined {
  if (exponent < 0) return undefined;
  return coefficient * 10n ** BigInt(Math.min(exponent, 40));
}

function impossible(value: unknown, what: string): Unconvertible {
  return new Unconvertible(`${shown(value)} cannot be ${what}`);
}

function typeOf(value: unknown): string | undefined {
  return (value as { _bsontype?: string } | null)?._bsontype;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (value instanceof Date) return `the date ${value.toISOString()}`;
  const number = numericText(value);
  if (number !== undefined) return `the number ${number}`;
  const type = typeOf(value);
  if (type !== undefined) return `a value of type ${type}`;
  return typeof value === 'object' ? 'a sub-document' : String(value as Document[string]);
}
