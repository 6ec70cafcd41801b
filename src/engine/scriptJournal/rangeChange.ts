// One range of a script's large update or delete: read in the transaction, changed by the server, and journaled; or
// kept by the server itself (keptByServer.ts).
import type { ClientSession, Collection, Document } from 'mongodb';
import { readRange, sendWrites, type WriteFailure } from '../../transfer/command';
import { TryAgain } from '../../transfer/errors';
import { fastDiff } from '../../transfer/fastPatch';
import { groupsOf } from '../../transfer/idGroups';
import type { PackedEntry } from '../../transfer/journalPack';
import { diff, encodePatch } from '../../transfer/patch';
import type { RangeSizer } from '../../transfer/ranges';
import {
  arrayValue,
  document,
  element,
  emptyDocument,
  idOf,
  intValue,
  keyOf,
  objectValue,
  sameBytes,
  sameValue,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { readBatch, readByIds, readListed, type Batch } from '../../transfer/source';
import { outcomeOf, type Attempt, type Job, type Outcome } from '../../transfer/work';
import { foresightOf, type Foresight } from './foresight';
import { rowsRefused } from './failures';
import type { KeptByServer } from './keptByServer';
import type { Keeper } from './keeper';
import { filterOf } from './pieces';
import { encodedPrediction } from './predict';
import { replaced, withElements } from './reply';
import { byIds, type Statement, type WriteCommand } from './statements';

const byId = objectValue(document([element('_id', intValue(1))]));

export interface RangeParts {
  keeper: Keeper;
  collection: Collection;
  write: WriteCommand;
  statement: Statement;
  sizer: RangeSizer;
}

/** The server refused a document of a range; nothing of the range holds. */
export class Refused extends Error {
  constructor(readonly failure: WriteFailure) {
    super(failure.message);
  }
}

export class RangeChange {
  readonly #foresight: Foresight | undefined;
  readonly #filter: Document;

  constructor(
    private readonly parts: RangeParts,
    private readonly byServer: KeptByServer | undefined,
  ) {
    const { write, statement } = parts;
    this.#filter = filterOf(statement);
    if (write.kind === 'update') this.#foresight = foresightOf(statement.raw);
  }

  async work({ job, session }: Attempt): Promise<Outcome> {
    if (!session) throw new Error('ranges of a script need transactions');
    if (job.images && this.byServer) {
      const { n, modified, bytes, held } = await this.byServer.change(job, session, this.#statement);
      return outcome({ n, modified, bytes, rest: [], held });
    }
    const batch = await this.#read(job, session);
    const counts = batch.documents.length > 0 ? await this.#change(job, session, batch) : nothing;
    return outcome({ ...counts, bytes: batch.bytes, rest: batch.rest, to: batch.to });
  }

  #read({ range }: Job, session: ClientSession): Promise<Batch> {
    const { collection, sizer, keeper } = this.parts;
    const filter = this.#filter;
    const limit = Math.min(sizer.limit, keeper.options.mostAtOnce());
    return range.ids
      ? readListed(collection, range.ids, { filter, session })
      : readBatch(collection, range, { filter, limit, session });
  }

  /** The server works on the change while the journal is put together here. */
  async #change(
    job: Job,
    session: ClientSession,
    { documents }: Batch,
  ): Promise<{ n: number; modified: number }> {
    const { write, keeper, collection } = this.parts;
    const listed = job.oneByOne || job.range.ids !== undefined;
    const statements = listed ? [this.#statement(byIds(documents.map(idOf)))] : this.#grouped(documents);
    const sent = sendWrites(collection.db, write.kind, write.collection, statements, { session });
    sent.catch(() => undefined);
    const foreseen = this.#foresee(documents);
    const { n, modified, failures } = await sent;
    if (failures[0]) throw new Refused(failures[0]);
    if (n !== documents.length) {
      if (listed) throw new Error('documents have changed in a snapshot');
      // The comparison of `_id`s did not find what the index did: they have to be named.
      job.oneByOne = true;
      throw new TryAgain();
    }
    const fits = foreseen && (write.kind === 'delete' || foreseen.length === modified);
    const entries = fits ? foreseen : await this.#compare(job, session, documents);
    if (entries.length > 0) {
      const { rows } = keeper.rows.documents(write, entries);
      const reply = await sendWrites(keeper.rows.db, 'insert', keeper.rows.name, rows, { session });
      if (reply.failures[0]) throw rowsRefused(reply.failures[0].code, reply.failures[0].message);
    }
    return { n, modified };
  }

  #grouped(documents: readonly Buffer[]): Buffer[] {
    return groupsOf(documents).map(([first, last]) => {
      if (sameValue(first, last)) return this.#statement(byIds([first]));
      const between = objectValue(document([element('$gte', first), element('$lte', last)]));
      return this.#statement(document([element('_id', between)]));
    });
  }

  readonly #statement = (ids: Buffer): Buffer => {
    const { q, raw } = this.parts.statement;
    const both = document([element('$and', arrayValue([ids, q].map(objectValue)))]);
    const wanted = q.length > emptyDocument.length ? both : ids;
    // It is no longer the whole statement, which alone may insert.
    return withElements(replaced(raw, 'q', objectValue(wanted)), { upsert: undefined, hint: byId });
  };

  /** The journal's entries, if they can be told without looking again. */
  #foresee(documents: readonly Buffer[]): PackedEntry[] | undefined {
    const entries: PackedEntry[] = [];
    const { write, statement } = this.parts;
    for (const before of documents) {
      // An empty patch says that the document is gone.
      const patch =
        write.kind === 'delete'
          ? emptyDocument
          : (this.#foresight?.(before) ?? encodedPrediction(before, statement.raw));
      if (!patch) return undefined;
      if (write.kind === 'delete' || patch.length > emptyDocument.length)
        entries.push({ id: idOf(before), before, patch });
    }
    return entries;
  }

  /** What the server has made of the documents, inside the transaction. */
  async #compare(
    { range }: Job,
    session: ClientSession,
    documents: readonly Buffer[],
  ): Promise<PackedEntry[]> {
    const { collection, statement } = this.parts;
    const ids = documents.map(idOf);
    const whole = !range.ids && statement.q.length === emptyDocument.length;
    const found = whole
      ? await readRange(collection, { min: range.from, max: range.to, limit: ids.length, session })
      : [];
    const inOrder = found.length === ids.length && found.every((raw, i) => sameValue(idOf(raw), ids[i]));
    const known = inOrder ? undefined : await readByIds(collection, ids, { session });
    return documents.flatMap((before, i) => {
      const id = ids[i] as RawValue;
      const after = (known ? known.get(keyOf(id)) : found[i]) ?? before;
      if (sameBytes(before, after)) return [];
      return [{ id, before, patch: fastDiff(before, after) ?? encodePatch(diff(before, after)) }];
    });
  }
}

const nothing = { n: 0, modified: 0 };
const noIds = Buffer.alloc(0);

/** Counted as the pump counts: what was matched and what was changed. */
function outcome({
  n,
  modified,
  ...rest
}: Pick<Outcome, 'bytes' | 'rest' | 'to' | 'held'> & { n: number; modified: number }): Outcome {
  return outcomeOf({
    ...rest,
    tally: { scanned: n, processed: modified },
    handled: { count: n, packed: noIds },
  });
}
