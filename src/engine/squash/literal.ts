// Values of BSON as JavaScript: what a driver stores of such a literal is the same value in the same type.
import { BSON } from 'mongodb';
import { literal as quoted } from '../../migration/templates';

const widest = 96;

/** Writes literals, and remembers which classes of the driver they need. */
export class Literals {
  readonly classes = new Set<string>();

  /** @param indent how many spaces stand before the line on which it begins. */
  write(value: unknown, indent: number): string {
    if (Array.isArray(value)) return this.#list(value, indent);
    if (value === null || typeof value !== 'object') return plain(value);
    if (value instanceof Date) return `new Date(${quoted(value.toISOString())})`;
    if (value instanceof RegExp) return String(value);
    const type = (value as { _bsontype?: string })._bsontype;
    return type === undefined ? this.#object(value, indent) : this.#ofClass(type, value, indent);
  }

  #list(values: unknown[], indent: number): string {
    const items = values.map((value) => this.write(value, indent + 2));
    return inLines(items, { open: '[', close: ']', pad: '', indent });
  }

  #object(value: object, indent: number): string {
    const items = Object.entries(value).map(
      ([key, each]) => `${keyOf(key)}: ${this.write(each, indent + 2)}`,
    );
    return inLines(items, { open: '{', close: '}', pad: ' ', indent });
  }

  #ofClass(type: string, value: object, indent: number): string {
    const text = this.#written(type, value, indent);
    // What a class has no short form for; its text is Extended JSON of exactly this value.
    if (text === undefined) throw new Error(`a value of type ${type} cannot be written as JavaScript`);
    return text;
  }

  #written(type: string, value: object, indent: number): string | undefined {
    const { Binary, Code, DBRef, Decimal128, Double, Int32, Long, ObjectId, Timestamp, BSONRegExp } = BSON;
    if (value instanceof Int32) return String(value.value);
    if (value instanceof Double) return this.#double(value.value);
    if (value instanceof ObjectId) return `new ${this.#use('ObjectId')}(${quoted(value.toHexString())})`;
    // A timestamp is a long to JavaScript.
    if (value instanceof Timestamp)
      return `new ${this.#use('Timestamp')}({ t: ${value.getHighBitsUnsigned()}, i: ${value.getLowBitsUnsigned()} })`;
    if (value instanceof Long || value instanceof Decimal128)
      return `${this.#use(type)}.fromString(${quoted(value.toString())})`;
    if (value instanceof Binary) {
      const bytes = Buffer.from(value.value()).toString('base64');
      return `new ${this.#use('Binary')}(Buffer.from(${quoted(bytes)}, 'base64'), ${value.sub_type})`;
    }
    if (value instanceof BSONRegExp)
      return `new ${this.#use('BSONRegExp')}(${quoted(value.pattern)}, ${quoted(value.options)})`;
    if (type === 'MinKey' || type === 'MaxKey') return `new ${this.#use(type)}()`;
    if (value instanceof Code)
      return `new ${this.#use('Code')}(${quoted(value.code)}${value.scope ? `, ${this.write(value.scope, indent)}` : ''})`;
    if (value instanceof DBRef) {
      const { $ref, $id, $db, ...fields } = value.toJSON() as Record<string, unknown>;
      return this.#object({ $ref, $id, ...($db === undefined ? {} : { $db }), ...fields }, indent);
    }
    return undefined;
  }

  /** A whole number would be stored as an integer. */
  #double(value: number): string {
    if (Object.is(value, -0)) return `new ${this.#use('Double')}(-0)`;
    return Number.isInteger(value) || !Number.isFinite(value)
      ? `new ${this.#use('Double')}(${value})`
      : String(value);
  }

  #use(name: string): string {
    this.classes.add(name);
    return name;
  }
}

function plain(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : String(value);
}

function keyOf(key: string): string {
  if (key === '__proto__') return `['__proto__']`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

function inLines(
  items: string[],
  { open, close, pad, indent }: { open: string; close: string; pad: string; indent: number },
): string {
  if (items.length === 0) return `${open}${close}`;
  const line = `${open}${pad}${items.join(', ')}${pad}${close}`;
  if (indent + line.length <= widest && !line.includes('\n')) return line;
  const inner = ' '.repeat(indent + 2);
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join('')}${' '.repeat(indent)}${close}`;
}
