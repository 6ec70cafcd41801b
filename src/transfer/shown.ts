// What a transform's function is shown of a document, and where the parts of its answer came from.
import type { Document } from 'mongodb';
import { decode } from './decode';
import { BsonType, elements, nameOf, objectValue, valueOf } from './raw';
import type { RawValue } from './raw';
import { promote } from './storedFields';

/** One document on its way through a transform: what was read, and what the function was given. */
export class Shown {
  readonly promoted: Document;
  /** Sub-documents and arrays of the first level, before the function could move or change them. */
  readonly first: { key: string; value: object }[] = [];
  /** Whether it holds text that is no UTF-8: what is shown of that cannot be written back. */
  readonly lossy: boolean;
  private places: Map<object, { parent: object; key: string }> | undefined;

  constructor(readonly raw: Buffer) {
    const quick = decode(raw, this.first);
    if (quick) {
      this.lossy = false;
      this.promoted = quick;
      return;
    }
    this.first.length = 0;
    const { promoted, lossy } = promote(raw);
    this.lossy = lossy;
    for (const key in promoted) {
      const value: unknown = promoted[key];
      if (isContainer(value)) this.first.push({ key, value });
    }
    this.promoted = promoted;
  }

  /** The stored bytes of a sub-document or array that the function got and handed back, wherever it put it. */
  get origin(): (value: object) => RawValue | undefined {
    return (value) => this.originOf(value);
  }

  private originOf(value: object): RawValue | undefined {
    if (value === this.promoted) return objectValue(this.raw);
    if (!this.places) {
      this.places = new Map();
      for (const { key, value: inner } of this.first) this.remember(this.places, inner, this.promoted, key);
    }
    const place = this.places.get(value);
    const parent = place && this.originOf(place.parent);
    return parent && place && child(parent, place.key);
  }

  private remember(
    places: Map<object, { parent: object; key: string }>,
    value: object,
    parent: object,
    key: string,
  ): void {
    if (places.has(value)) return;
    places.set(value, { parent, key });
    for (const name in value) {
      const inner = (value as Record<string, unknown>)[name];
      if (isContainer(inner)) this.remember(places, inner, value, name);
    }
  }
}

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** The value of that name inside a sub-document or array. */
export function child(parent: RawValue, name: string): RawValue | undefined {
  if (parent.type !== BsonType.object && parent.type !== BsonType.array) return undefined;
  const bytes = parent.bytes as Buffer;
  let found: RawValue | undefined;
  for (const item of elements(bytes)) if (nameOf(bytes, item) === name) found = valueOf(bytes, item);
  return found;
}
