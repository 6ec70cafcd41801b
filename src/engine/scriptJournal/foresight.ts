// What one statement makes of many documents, where it only sets and unsets plain top-level fields: said as the bytes of
// the journal's patch, which for most documents are the same ones. Everything else is predict.ts's to say.
import { encodePatch, hasTwins, type TouchedPath } from '../../transfer/patch';
import {
  BsonType,
  bytesOf,
  document,
  element,
  elements,
  emptyDocument,
  findElement,
  nameOf,
  valueOf,
} from '../../transfer/raw';
import { sameBytes, Scan } from '../../transfer/scan';
import { nameBytes } from '../../transfer/writer';
import { isFilledIn } from './predict';

/** The patch of a document; empty if nothing changes. */
export type Foresight = (before: Buffer) => Buffer;

interface Field {
  touched: TouchedPath;
  /** As BSON writes it, with its NUL. */
  name: Buffer;
  /** Missing where the field goes. */
  type?: number;
  bytes?: Uint8Array;
}

export function foresightOf(statement: Buffer): Foresight | undefined {
  const fields = plainFields(statement);
  if (!fields) return undefined;
  const all = patchOf(fields);
  const scan = new Scan();
  return (before) => {
    scan.read(before);
    if (scan.mayHaveTwins() && hasTwins(before))
      return encodePatch({ kind: 'whole', after: changed(before, fields) });
    const kept = fields.filter((field) => holds(scan, field));
    if (kept.length === 0) return all;
    return patchOf(fields.filter((field) => !kept.includes(field)));
  };
}

/** Names do not tell the elements of such a document apart; the server changes the first one of a name. */
function changed(before: Buffer, fields: readonly Field[]): Buffer {
  const left = new Map(fields.map((field) => [field.touched.path[0], field]));
  const parts = elements(before).flatMap((item) => {
    const name = nameOf(before, item);
    const field = left.get(name);
    left.delete(name);
    if (!field) return [bytesOf(before, item)];
    return field.touched.after ? [element(name, field.touched.after)] : [];
  });
  const added = [...left.values()].flatMap(({ touched: { path, after } }) =>
    after ? [element(path[0] as string, after)] : [],
  );
  return document([...parts, ...added.toSorted((a, b) => Buffer.compare(a.subarray(1), b.subarray(1)))]);
}

function patchOf(fields: readonly Field[]): Buffer {
  if (fields.length === 0) return emptyDocument;
  return encodePatch({ kind: 'paths', touched: fields.map(({ touched }) => touched) });
}

/** Whether the field is already what the statement makes of it. */
function holds(scan: Scan, { name, type, bytes }: Field): boolean {
  const place = scan.find(name);
  if (!bytes || place < 0) return !bytes && place < 0;
  if (scan.type(place) !== type) return false;
  return sameBytes(scan.buffer, scan.value[place]!, scan.end[place]!, bytes, 0, bytes.length);
}

function plainFields(statement: Buffer): Field[] | undefined {
  const u = findElement(statement, 'u');
  if (u?.type !== BsonType.object || findElement(statement, 'arrayFilters')) return undefined;
  const update = statement.subarray(u.value, u.end);
  const fields = new Map<string, Field>();
  for (const item of elements(update)) {
    const operator = nameOf(update, item);
    if (operator === '$setOnInsert') continue;
    const sets = operator === '$set';
    if ((!sets && operator !== '$unset') || item.type !== BsonType.object) return undefined;
    const given = update.subarray(item.value, item.end);
    for (const field of elements(given)) {
      const name = nameOf(given, field);
      const value = valueOf(given, field);
      if (name === '' || name === '_id' || /[.$]/.test(name) || fields.has(name)) return undefined;
      if (sets && isFilledIn(value)) return undefined;
      fields.set(name, {
        touched: { path: [name], after: sets ? value : undefined },
        name: nameBytes(name),
        ...(sets ? value : {}),
      });
    }
  }
  return fields.size > 0 ? [...fields.values()] : undefined;
}
