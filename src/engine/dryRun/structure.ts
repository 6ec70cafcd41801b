// Index and option changes of a collection, in words.
import { BSON, type Db, type Document } from 'mongodb';
import type { TouchedCollection } from './copies';

export interface StructureChanges {
  indexes: string[];
  options: string[];
}

export async function compareStructure(touched: TouchedCollection, current: Db): Promise<StructureChanges> {
  const { collection } = touched;
  const [info] = await current.listCollections({ name: collection }).toArray();
  if (!touched.exists && !info) return { indexes: [], options: [] };
  if (!info) return { indexes: [], options: [`${noun(touched.type)} dropped`] };
  const type = info.type ?? 'collection';
  // A view has no indexes of its own.
  const indexes = type === 'view' ? [] : await current.collection(collection).listIndexes().toArray();
  const options = (info as { options?: Document }).options ?? {};
  if (!touched.exists) return { indexes: indexChanges([], indexes), options: [`${noun(type)} created`] };
  const replaced = type === touched.type ? [] : [`${noun(touched.type)} replaced by a ${noun(type)}`];
  return {
    indexes: indexChanges(touched.indexes, indexes),
    options: [...replaced, ...optionChanges(touched.options, options)],
  };
}

function noun(type: string): string {
  return type === 'view' ? 'view' : 'collection';
}

function indexChanges(before: Document[], after: Document[]): string[] {
  const changes: string[] = [];
  const [old, current] = [byName(before), byName(after)];
  for (const [name, spec] of current) {
    const earlier = old.get(name);
    if (name === '_id_') continue;
    if (earlier === undefined) changes.push(`index ${name} created`);
    else if (earlier !== spec) changes.push(`index ${name} changed`);
  }
  for (const name of old.keys()) {
    if (!current.has(name) && name !== '_id_') changes.push(`index ${name} dropped`);
  }
  return changes;
}

function byName(indexes: Document[]): Map<string, string> {
  return new Map(indexes.map(({ ns: _ns, v: _v, ...spec }) => [String(spec['name']), text(spec)]));
}

function optionChanges(before: Document, after: Document): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    if (text({ value: before[name] }) === text({ value: after[name] })) return [];
    if (before[name] === undefined) return [`${name} set`];
    return [after[name] === undefined ? `${name} removed` : `${name} changed`];
  });
}

function text(value: Document): string {
  return BSON.EJSON.stringify(value, { relaxed: false });
}
