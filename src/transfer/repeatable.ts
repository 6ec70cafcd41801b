// Whether an update pipeline makes the same of the same document whenever it is run: then its outcome need not be kept,
// since the server can tell it again. Only what is known to be so counts; everything else is looked at afterwards.
import { BsonType, elements, nameOf, valueOf, type RawValue } from './raw';

/** Others may leave the `_id` out or move it, which an update then puts right. */
const stages = new Set(['$set', '$addFields', '$unset']);

/** Variables that say nothing of time, chance or user; the author's own begin with a small letter. */
const variable = /^\$\$(?:ROOT|CURRENT|REMOVE|KEEP|PRUNE|DESCEND|[a-z]\w*)(?:\.|$)/;

/** @param update the stages as a BSON array. */
export function isRepeatable(update: RawValue): boolean {
  if (update.type !== BsonType.array) return false;
  const list = update.bytes as Buffer;
  return elements(list).every((item) => {
    const stage = list.subarray(item.value, item.end);
    const [only, ...more] = item.type === BsonType.object ? elements(stage) : [];
    if (!only || more.length > 0 || !stages.has(nameOf(stage, only))) return false;
    const value = valueOf(stage, only);
    return !touchesId(value) && isRepeatableValue(value);
  });
}

function touchesId({ type, bytes }: RawValue): boolean {
  const whole = bytes as Buffer;
  const isId = (name: string): boolean => name === '_id' || name.startsWith('_id.');
  if (type === BsonType.string) return isId(textOf(whole));
  if (type !== BsonType.object && type !== BsonType.array) return false;
  return elements(whole).some((item) =>
    type === BsonType.object ? isId(nameOf(whole, item)) : touchesId(valueOf(whole, item)),
  );
}

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8', 4, bytes.length - 1);
}

function isRepeatableValue({ type, bytes }: RawValue): boolean {
  // The server puts the time into an empty one.
  if (type === BsonType.timestamp) return false;
  if (type === BsonType.string) {
    const text = textOf(bytes as Buffer);
    return !text.startsWith('$$') || variable.test(text);
  }
  if (type !== BsonType.object && type !== BsonType.array) return true;
  const whole = bytes as Buffer;
  return elements(whole).every((item) => {
    const name = nameOf(whole, item);
    if (name === '$literal') return item.type !== BsonType.timestamp;
    if (name.startsWith('$') && !operators.has(name)) return false;
    // Such fields change their order on their way through objects of JavaScript.
    if (type === BsonType.object && /^\d+$/.test(name)) return false;
    return isRepeatableValue(valueOf(whole, item));
  });
}

/** Without those whose order or value the server leaves open (sets, chance, time, code of the author's). */
const operators = new Set(
  `abs acos acosh add allElementsTrue and anyElementTrue arrayElemAt arrayToObject asin asinh atan atan2 atanh
  binarySize bitAnd bitNot bitOr bitXor bsonSize ceil cmp concat concatArrays cond convert cos cosh dateAdd dateDiff
  dateFromParts dateFromString dateSubtract dateToParts dateToString dateTrunc dayOfMonth dayOfWeek dayOfYear
  degreesToRadians divide eq exp filter first firstN floor getField gt gte hour ifNull in indexOfArray indexOfBytes
  indexOfCP isArray isNumber isoDayOfWeek isoWeek isoWeekYear last lastN let ln log log10 lt lte ltrim map max maxN
  mergeObjects millisecond min minN minute mod month multiply ne not objectToArray or pow radiansToDegrees range reduce
  regexFind regexFindAll regexMatch replaceAll replaceOne reverseArray round rtrim second setEquals setField
  setIsSubset sin sinh size slice sortArray split sqrt strLenBytes strLenCP strcasecmp
  substr substrBytes substrCP subtract sum switch tan tanh toBool toDate toDecimal toDouble toInt toLong toLower
  toObjectId toString toUpper trim trunc type unsetField week year zip avg stdDevPop stdDevSamp`
    .split(/\s+/)
    .map((name) => `$${name}`),
);
