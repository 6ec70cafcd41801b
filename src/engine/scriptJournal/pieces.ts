// What the lanes of a large update or delete take one after the other: ranges of the `_id` index where every document
// has to be looked at anyway, and lists of `_id`s where the filter has an index.
import { BSON, type Collection, type Document } from 'mongodb';
import { RangePlanner, type Bounds } from '../../transfer/ranges';
import type { RawValue } from '../../transfer/raw';
import type { UpstreamChannel } from '../../wire/door';
import { idBatches } from './byFilter';
import type { Statement, WriteCommand } from './statements';

/** Either; `keys` says for how many index keys a range was cut. */
export type Piece = (Bounds & { ids?: undefined; keys?: number }) | { ids: RawValue[] };

export class Pieces {
  readonly #returned: Piece[] = [];

  private constructor(private readonly source: () => Promise<Piece | undefined>) {}

  static async of(
    collection: Collection,
    upstream: UpstreamChannel,
    {
      write,
      statement,
      size,
      most,
    }: { write: WriteCommand; statement: Statement; size: () => number; most: () => number },
  ): Promise<Pieces> {
    if (await looksAtAll(collection, filterOf(statement))) {
      const planner = new RangePlanner(collection, () => Math.min(size(), most()), []);
      return new Pieces(() => planner.next());
    }
    const batches = idBatches(upstream, write, statement);
    let left: RawValue[] = [];
    return new Pieces(async () => {
      if (left.length === 0) left = (await batches.next()).value ?? [];
      const ids = left.slice(0, most());
      left = left.slice(ids.length);
      return ids.length > 0 ? { ids } : undefined;
    });
  }

  async next(): Promise<Piece | undefined> {
    return this.#returned.shift() ?? this.source();
  }

  /** What was not done, to be taken by whoever asks next. */
  giveBack(...pieces: Piece[]): void {
    this.#returned.push(...pieces);
  }
}

export function filterOf({ q }: Statement): Document {
  return BSON.deserialize(q, { promoteValues: false, bsonRegExp: true });
}

/** Whether the server has no better way to the documents than all of them. */
async function looksAtAll(collection: Collection, filter: Document): Promise<boolean> {
  if (Object.keys(filter).length === 0) return true;
  try {
    const plan = await collection.db.command({
      explain: { find: collection.collectionName, filter },
      verbosity: 'queryPlanner',
    });
    return hasStage(plan['queryPlanner'], 'COLLSCAN');
  } catch {
    // Without a plan the filter finds its own way.
    return false;
  }
}

function hasStage(plan: unknown, stage: string): boolean {
  if (typeof plan !== 'object' || plan === null) return false;
  const { winningPlan, rejectedPlans: _, ...rest } = plan as Document;
  if (winningPlan !== undefined) return hasStage(winningPlan, stage);
  return rest['stage'] === stage || Object.values(rest).some((inner) => hasStage(inner, stage));
}
