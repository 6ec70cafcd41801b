// Cutting a collection into ranges of its `_id` index: where the next range ends, what a resumed transfer still has
// to do, how a range is halved, and how long ranges should be.
import type { ClientSession, Collection } from 'mongodb';
import { ObjectId } from 'mongodb';
import { readRange, speakable, UnspeakableId } from './command';
import { idOf, sameValue } from './raw';
import type { RawValue } from './raw';
import { steadily } from './transaction';

/** Documents with `from` <= _id < `to` in index order; a missing bound is open. */
export interface Range {
  key: ObjectId;
  from?: RawValue;
  to?: RawValue;
  /** Index keys that the range was cut for; not known of the last one. */
  keys?: number;
  /** A range of a sweep: only these documents, which belong to a finished range. */
  sweep?: { of: ObjectId; round: number; ids: RawValue[] };
  /** Only these documents, wherever they lie. */
  ids?: RawValue[];
}

export type Bounds = Pick<Range, 'from' | 'to'>;
/** A range that has no key yet. */
export type Piece = Pick<Range, 'from' | 'to' | 'ids'>;

/** The parts of the index that no finished range covers; `done` in index order. */
export function gaps(done: readonly Bounds[]): Bounds[] {
  const left: Bounds[] = [];
  let at: RawValue | undefined;
  let first = true;
  for (const range of done) {
    const adjacent = first ? range.from === undefined : sameValue(at, range.from);
    if (!adjacent) left.push({ from: at, to: range.from });
    at = range.to;
    first = false;
    if (range.to === undefined) return left;
  }
  left.push({ from: at });
  return left;
}

const keysOnly = { _id: 1 };
/** How many neighbours are tried when an `_id` cannot stand in a command. */
const neighbours = 50;

/** The first `_id` at least `skip` documents behind `from`, if there is one before `to`. */
export async function boundary(
  collection: Collection,
  bounds: Bounds,
  skip: number,
  session?: ClientSession,
): Promise<RawValue | undefined> {
  for (let i = 0; i < neighbours; i++) {
    const [found] = await readRange(collection, {
      min: bounds.from,
      max: bounds.to,
      skip: skip + i,
      limit: 1,
      projection: keysOnly,
      session,
    });
    if (!found) return undefined;
    const id = idOf(found);
    try {
      speakable(id);
      return id;
    } catch (error) {
      if (!(error instanceof UnspeakableId)) throw error;
    }
  }
  throw new Error(`no document among ${neighbours} neighbours has an _id that can bound a range`);
}

/** Both halves of a range; undefined if it cannot be halved. */
export async function halves(collection: Collection, range: Bounds): Promise<Bounds[] | undefined> {
  let low = 0;
  // The middle is looked for by doubling: the number of documents in the range is not known.
  for (let skip = 1; skip <= 1 << 20; skip *= 2) {
    if ((await boundary(collection, range, skip)) === undefined) break;
    low = skip;
  }
  if (low === 0) return undefined;
  const middle = await boundary(collection, range, low === 1 ? 1 : low / 2 + 1);
  return (
    middle && [
      { from: range.from, to: middle },
      { from: middle, to: range.to },
    ]
  );
}

/** Hands out ranges to the lanes, one after the other, looking one boundary ahead. */
export class RangePlanner {
  private readonly returned: Range[] = [];
  private readonly left: Bounds[];
  private at: RawValue | undefined;
  private ahead: { keys: number; end: Promise<RawValue | undefined> } | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly collection: Collection,
    private readonly size: () => number,
    done: readonly Bounds[],
    /** Ranges among them that have to be done again as they are. */
    begun: readonly Range[] = [],
  ) {
    this.returned.push(...begun);
    this.left = gaps(done);
    this.at = this.left[0]?.from;
  }

  /** The next range, or undefined when everything has been handed out. */
  next(): Promise<Range | undefined> {
    const mine = this.turn.then(() => this.advance());
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  /** Takes a range back, as the parts it has to be done in. */
  giveBack(...ranges: Piece[]): void {
    this.returned.push(...ranges.map((range) => ({ ...range, key: new ObjectId() })));
  }

  private async advance(): Promise<Range | undefined> {
    const again = this.returned.shift();
    if (again) return again;
    const gap = this.left[0];
    if (!gap) return undefined;
    const from = this.at;
    const { keys, end } = this.ahead ?? this.look(from, gap);
    this.ahead = undefined;
    const to = await end;
    if (to === undefined) {
      this.left.shift();
      this.at = this.left[0]?.from;
      return { key: new ObjectId(), from, to: gap.to };
    }
    this.at = to;
    this.ahead = this.look(to, gap);
    return { key: new ObjectId(), from, to, keys };
  }

  private look(
    from: RawValue | undefined,
    gap: Bounds,
  ): { keys: number; end: Promise<RawValue | undefined> } {
    const keys = this.size();
    const end = steadily(() => boundary(this.collection, { from, to: gap.to }, keys));
    // Awaited with the next range; until then a failure must not count as unhandled.
    end.catch(() => undefined);
    return { keys, end };
  }
}

export interface SizerLimits {
  /** Keys in the first ranges. */
  first: number;
  /** Most documents of a range. */
  documents: number;
}

const targetMs = 500;
const targetBytes = 6 * 1024 * 1024;
const mostKeys = 500_000;

/** Sizes ranges by time: about half a second each, within what may be held in memory. */
export class RangeSizer {
  private current: number;
  constructor(private readonly limits: SizerLimits) {
    this.current = Math.min(limits.first, limits.documents);
  }

  get size(): number {
    return Math.max(1, Math.round(this.current));
  }

  /** Keys in the first ranges, where it turns out that they need not be few. */
  beginWith(keys: number): void {
    this.current = Math.min(keys, this.limits.documents);
  }

  /** Documents that one read may bring: a range may have grown since it was planned. */
  get limit(): number {
    return this.limits.documents;
  }

  /** Learns from a finished range: keys planned, documents read out of it, their bytes, its duration. */
  learn(keys: number, documents: number, bytes: number, ms: number): void {
    let wanted = this.current * Math.min(2, Math.max(0.5, targetMs / Math.max(ms, 1)));
    if (documents > 0 && keys > 0) {
      const share = documents / keys;
      wanted = Math.min(wanted, this.limits.documents / share, targetBytes / (bytes / documents) / share);
    }
    this.current = Math.min(mostKeys, Math.max(1, wanted));
  }

  /** After a conflict or a transaction that was too large. */
  shrink(): void {
    this.current = Math.max(1, this.current / 2);
  }
}
