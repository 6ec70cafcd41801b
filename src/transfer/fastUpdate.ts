// The commonest answer of a transform, `{$set: {…}, $unset: {…}}` with plain fields and plain values, straight from
// the answer to bytes. Says undefined for everything else, which takes the way of interpret.ts; the results are the
// same (test/unit/transfer/fast.test.ts).
import type { DocumentChange } from './interpret';
import type { Shown } from './shown';
import { PlainUpdate } from './plainUpdate';
import { BsonType } from './raw';
import { Scan, sameBytes } from './scan';
import { Arena, nameBytes, type RawWriter } from './writer';

const arena = new Arena();
const stored = new Scan();

/** Fields of the answer, their names with a NUL, and where each stands in the stored document (-1 = nowhere). */
interface Plan {
  names: string[];
  bytes: Buffer[];
  places: number[];
  values: unknown[];
  removes: string[];
}

export function fastUpdate(shown: Shown, output: object): DocumentChange | undefined {
  const plan = planOf(output);
  if (!plan || plan.names.length + plan.removes.length === 0) return undefined;
  stored.read(shown.raw);
  if (stored.mayHaveTwins()) return undefined;
  const writer = arena.open();
  const from = writer.at;
  const update = writeUpdate(writer, plan);
  if (!update) {
    writer.at = from;
    return undefined;
  }
  const middle = writer.at;
  writePatch(writer, plan, update);
  return new PlainUpdate(writer.buffer, from, middle, writer.at);
}

function planOf(output: object): Plan | undefined {
  const plan: Plan = { names: [], bytes: [], places: [], values: [], removes: [] };
  for (const operator in output) {
    const fields = (output as Record<string, unknown>)[operator];
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
    if (operator === '$set') {
      for (const name in fields) {
        const bytes = plainName(name);
        const value = (fields as Record<string, unknown>)[name];
        if (!bytes || value === undefined) return undefined;
        plan.names.push(name);
        plan.bytes.push(bytes);
        plan.values.push(value);
      }
    } else if (operator === '$unset') {
      for (const name in fields) {
        if (!plainName(name)) return undefined;
        plan.removes.push(name);
      }
    } else return undefined;
  }
  if (plan.removes.some((name) => plan.names.includes(name))) return undefined;
  return plan;
}

const plainNames = new Map<string, Buffer>();
/** Names that are built from data must not fill the memory. */
const mostNames = 1000;

/** The name with its NUL, if an operator takes it for just this field. */
function plainName(name: string): Buffer | undefined {
  const known = plainNames.get(name);
  if (known || !isPlainName(name)) return known;
  const bytes = nameBytes(name);
  if (plainNames.size < mostNames) plainNames.set(name, bytes);
  return bytes;
}

function isPlainName(name: string): boolean {
  if (name === '' || name === '_id') return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code === 0x2e || code === 0x24 || code === 0) return false;
  }
  return true;
}

interface Update {
  bytes: Buffer;
  /** Where each value of `$set` lies in the update (from its first byte), by position: type offset, value, end. */
  types: number[];
  from: number[];
  to: number[];
}

function writeUpdate(writer: RawWriter, plan: Plan): Update | undefined {
  const begun = writer.begin();
  const update: Update = { bytes: stored.buffer, types: [], from: [], to: [] };
  if (plan.names.length > 0) {
    writer.named(BsonType.object, setName);
    const inner = writer.begin();
    for (let i = 0; i < plan.names.length; i++) {
      const bytes = plan.bytes[i]!;
      const place = stored.find(bytes);
      plan.places.push(place);
      writer.byte(0);
      const typeAt = writer.at - 1;
      writer.copy(bytes);
      const valueAt = writer.at;
      const type = writeValue(writer, plan.values[i], place, plan.removes.length > 0);
      if (type === undefined) return undefined;
      writer.buffer[typeAt] = type;
      update.types.push(type);
      update.from.push(valueAt - begun);
      update.to.push(writer.at - begun);
    }
    writer.end(inner);
  }
  if (plan.removes.length > 0) {
    writer.name(BsonType.object, '$unset');
    const inner = writer.begin();
    for (const name of plan.removes) {
      writer.name(BsonType.bool, name);
      writer.byte(1);
    }
    writer.end(inner);
  }
  writer.end(begun);
  update.bytes = writer.since(begun);
  return update;
}

/** Writes a value; answers its type, or undefined if it is none of the plain ones. */
function writeValue(
  writer: RawWriter,
  value: unknown,
  place: number,
  mayBeRenamed: boolean,
): number | undefined {
  switch (typeof value) {
    case 'number':
      return writeNumber(writer, value, place, mayBeRenamed);
    case 'string': {
      if (place >= 0 && stored.type(place) === BsonType.symbol) return undefined;
      return writeString(writer, value);
    }
    case 'boolean':
      writer.byte(value ? 1 : 0);
      return BsonType.bool;
    case 'object':
      if (value === null) return BsonType.null;
      if (value instanceof Date && !Number.isNaN(value.getTime())) {
        writer.ensure(8);
        writer.at = writer.buffer.writeBigInt64LE(BigInt(value.getTime()), writer.at);
        return BsonType.date;
      }
      return undefined;
    default:
      return undefined;
  }
}

function writeNumber(
  writer: RawWriter,
  value: number,
  place: number,
  mayBeRenamed: boolean,
): number | undefined {
  if (place >= 0 && Object.is(stored.number(place), value)) {
    writer.copy(stored.buffer, stored.value[place], stored.end[place]);
    return stored.type(place);
  }
  // It may have come from a field of another type: interpret.ts looks for it.
  if (mayBeRenamed || Math.abs(value) > 0x7fffffff) return undefined;
  writer.ensure(8);
  if (Number.isInteger(value) && !Object.is(value, -0) && value >= -0x80000000) {
    writer.at = writer.buffer.writeInt32LE(value, writer.at);
    return BsonType.int;
  }
  writer.at = writer.buffer.writeDoubleLE(value, writer.at);
  return BsonType.double;
}

/** Writes a text; undefined if it is no valid one. */
export function writeString(writer: RawWriter, value: string): number | undefined {
  writer.ensure(value.length * 3 + 5);
  let size = writeAscii(writer.buffer, writer.at + 4, value);
  if (size < 0) {
    if (/\p{Surrogate}/u.test(value)) return undefined;
    size = writer.buffer.write(value, writer.at + 4);
  }
  writer.buffer.writeInt32LE(size + 1, writer.at);
  writer.buffer[writer.at + 4 + size] = 0;
  writer.at += size + 5;
  return BsonType.string;
}

/** Longer texts are written faster by Node. */
const longestByHand = 64;

/** How many bytes it wrote; -1 if the text is long or holds more than ASCII. */
function writeAscii(buffer: Buffer, at: number, value: string): number {
  const size = value.length;
  if (size > longestByHand) return -1;
  for (let i = 0; i < size; i++) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return -1;
    buffer[at + i] = code;
  }
  return size;
}

/** The touched paths as `encodePatch` writes them; empty if everything was there already. */
function writePatch(writer: RawWriter, plan: Plan, update: Update): void {
  const begun = writer.begin();
  let touched = 0;
  for (let i = 0; i < plan.names.length; i++) {
    const place = plan.places[i]!;
    const type = update.types[i]!;
    if (place >= 0 && stored.type(place) === type) {
      const { buffer, value, end } = stored;
      if (sameBytes(buffer, value[place]!, end[place]!, update.bytes, update.from[i]!, update.to[i]!))
        continue;
    }
    const entry = openEntry(writer, touched++, plan.bytes[i]!);
    writer.named(type, afterName);
    writer.copy(update.bytes, update.from[i], update.to[i]);
    writer.end(entry);
  }
  for (const name of plan.removes) {
    const bytes = nameBytes(name);
    if (stored.find(bytes) >= 0) writer.end(openEntry(writer, touched++, bytes));
  }
  writer.end(begun);
}

const setName = nameBytes('$set');
const pathName = nameBytes('p');
const afterName = nameBytes('a');
const positions = Array.from({ length: 32 }, (_, i) => nameBytes(String(i)));

function openEntry(writer: RawWriter, position: number, name: Buffer): number {
  writer.named(BsonType.object, positions[position] ?? nameBytes(String(position)));
  const entry = writer.begin();
  writer.named(BsonType.string, pathName);
  writer.int(name.length);
  writer.copy(name);
  return entry;
}
