// Documents that were inserted behind the scan: after the first pass every finished range is looked at again, by keys
// alone, and what was not dealt with there becomes a range of its own. Rounds go on until one finds nothing.
import type { Collection, Document } from 'mongodb';
import { ObjectId } from 'mongodb';
import type { Checkpoints } from './checkpoints';
import type { Feed } from './pump';
import type { Bounds, Piece, Range } from './ranges';
import { readBatch, type Batch } from './source';
import { steadily } from './transaction';

/** An application that inserts all the time would be followed for ever. */
export const mostRounds = 10;
/** Keys of one read. */
const keysPerRead = 20_000;
const documentsPerRange = 1000;
/** Ranges that are looked at together. */
const looksTogether = 4;

/** The ranges of one round; `found` says how many documents it has turned up so far. */
export class Sweep implements Feed {
  found = 0;
  private readonly ready: Range[] = [];
  private readonly looks: Promise<Range[]>[] = [];
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly collection: Collection,
    private readonly filter: Document | undefined,
    private readonly checkpoints: Checkpoints,
    private readonly done: (Bounds & { key: ObjectId })[],
    private readonly round: number,
  ) {}

  next(): Promise<Range | undefined> {
    const mine = this.turn.then(() => this.advance());
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  giveBack(...parts: Piece[]): void {
    if (parts.length > 0) throw new Error('a range of a sweep cannot be halved');
  }

  private async advance(): Promise<Range | undefined> {
    for (;;) {
      const range = this.ready.shift();
      if (range) return range;
      while (this.looks.length < looksTogether && this.done.length > 0) this.begin(this.done.shift()!);
      const look = this.looks.shift();
      if (!look) return undefined;
      const found = await look;
      this.ready.push(...found);
      for (const { sweep } of found) this.found += sweep?.ids.length ?? 0;
    }
  }

  private begin(range: Bounds & { key: ObjectId }): void {
    const look = steadily(() => this.look(range));
    // Awaited in its turn; until then a failure must not count as unhandled.
    look.catch(() => undefined);
    this.looks.push(look);
  }

  private read(bounds: Bounds): Promise<Batch> {
    const { collection, filter } = this;
    return readBatch(collection, bounds, { filter, projection: { _id: 1 }, limit: keysPerRead });
  }

  private async look(range: Bounds & { key: ObjectId }): Promise<Range[]> {
    const found: Range[] = [];
    const first = await this.read(range);
    const whole = first.rest.length === 0;
    if (whole && (first.documents.length === 0 || this.checkpoints.isJust(range.key, first.documents)))
      return [];
    const handled = await this.checkpoints.handled(range.key);
    for (let batch: Batch | undefined = first; batch;) {
      const ids = handled.missing(batch.documents);
      for (let at = 0; at < ids.length; at += documentsPerRange) {
        const part = ids.slice(at, at + documentsPerRange);
        found.push({ key: new ObjectId(), sweep: { of: range.key, round: this.round, ids: part } });
      }
      const left: Bounds | undefined = batch.rest[0];
      batch = left && (await this.read(left));
    }
    return found;
  }
}
