// An update or delete by a filter that means many documents: some lanes, each with short transactions of its own that
// hold the reading of a piece, the change by the server and the journal. A piece is done once, and whoever undoes the
// script finds it among the script's other rows, so there is nothing to resume and nothing to sweep.
import type { ClientSession, Collection } from 'mongodb';
import { readRange, sendWrites, type WriteFailure } from '../../transfer/command';
import { fastDiff } from '../../transfer/fastPatch';
import { groups } from '../../transfer/idGroups';
import type { PackedEntry } from '../../transfer/journalPack';
import { diff, encodePatch } from '../../transfer/patch';
import { RangeSizer } from '../../transfer/ranges';
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
  stringValue,
} from '../../transfer/raw';
import type { RawValue } from '../../transfer/raw';
import { readBatch, readByIds, readListed, type Batch } from '../../transfer/source';
import {
  inTransaction,
  isConflict,
  isInterruption,
  isTooLarge,
  isTransient,
  pause,
} from '../../transfer/transaction';
import type { DoorCommand } from '../../wire/door';
import { foresightOf, type Foresight } from './foresight';
import { rowsRefused } from './failures';
import { KeptByServer, type Kept } from './keptByServer';
import type { Keeper } from './keeper';
import { filterOf, Pieces, type Piece } from './pieces';
import { encodedPrediction } from './predict';
import { numberIn, replaced, valueIn, withElements } from './reply';
import { byIds, type Statement, type WriteCommand } from './statements';

const lanes = 2;
const mostDocuments = 2500;
/** Conflicts with others before a piece is halved. */
const mostConflicts = 3;
/** How long a piece waits for others that hold its documents, or for a primary. */
const patienceMs = 300_000;
const byId = objectValue(document([element('_id', intValue(1))]));

/** Whether the statement means the same for each of its documents alone: everything else goes `_id` by `_id`. */
export function suitsRanges({ kind, parts, variables }: WriteCommand, { raw, special }: Statement): boolean {
  if (kind === 'insert' || special || variables) return false;
  if (['hint', 'collation', 'c', 'constants', 'sort'].some((name) => valueIn(raw, name))) return false;
  return numberIn(document([...parts]), 'bypassDocumentValidation') !== 1;
}

/** @returns the reply to a command with this statement alone. */
export async function changeByRanges(
  keeper: Keeper,
  command: DoorCommand,
  write: WriteCommand,
  statement: Statement,
): Promise<Buffer> {
  const sessions = await keeper.borrow(lanes);
  try {
    return await new Ranges(keeper, command, write, statement).run(sessions);
  } finally {
    keeper.giveBack(sessions);
  }
}

/** The server refused a document of a piece; nothing of the piece holds. */
class Refused extends Error {
  constructor(readonly failure: WriteFailure) {
    super(failure.message);
  }
}

/** The comparison of `_id`s did not find what the index did: the piece has to name them. */
class NotByRange extends Error {}

interface Done extends Kept {
  batch: Batch;
}

class Ranges {
  readonly #collection: Collection;
  readonly #sizer = new RangeSizer({ first: 1000, documents: mostDocuments });
  readonly #foresight: Foresight | undefined;
  #byServer: KeptByServer | undefined;
  #n = 0;
  #modified = 0;
  #failure: unknown;

  constructor(
    private readonly keeper: Keeper,
    private readonly command: DoorCommand,
    private readonly write: WriteCommand,
    private readonly statement: Statement,
  ) {
    this.#collection = keeper.client.db(write.database).collection(write.collection);
    if (write.kind === 'update') this.#foresight = foresightOf(statement.raw);
  }

  async run(sessions: readonly ClientSession[]): Promise<Buffer> {
    const { write, statement, command, keeper } = this;
    const parts = { write, statement };
    const [server, pieces] = await Promise.all([
      KeptByServer.of(this.#collection, keeper, parts),
      Pieces.of(this.#collection, command.upstream, {
        ...parts,
        size: () => this.#byServer?.size ?? this.#sizer.size,
        most: () => keeper.options.mostAtOnce(),
      }),
    ]);
    this.#byServer = server;
    await Promise.all(sessions.map((session) => this.#lane(session, pieces)));
    const failure = this.#failure;
    if (failure === undefined) return this.#reply(undefined);
    if (failure instanceof Refused) return this.#reply(failure.failure);
    throw failure;
  }

  async #lane(session: ClientSession, pieces: Pieces): Promise<void> {
    const { keeper } = this;
    try {
      while (!this.#failure) {
        await keeper.gate();
        keeper.signal.throwIfAborted();
        const piece = await pieces.next();
        if (!piece) return;
        await this.#piece(session, piece, pieces);
      }
    } catch (error) {
      this.#failure ??= error;
    }
  }

  async #piece(session: ClientSession, piece: Piece, pieces: Pieces): Promise<void> {
    const { keeper } = this;
    const started = performance.now();
    let batch: Batch | undefined;
    let conflicts = 0;
    for (let tries = 0; !this.#failure; tries++) {
      keeper.signal.throwIfAborted();
      try {
        const began = performance.now();
        const kept = piece.ids ? undefined : await this.#byServer?.change(session, piece, this.#statement);
        if (kept) return this.#done(kept, performance.now() - began);
        const done = await inTransaction(session, async () => {
          batch = await this.#read(session, piece);
          return this.#change(session, piece, batch);
        });
        const ms = performance.now() - began;
        pieces.giveBack(...done.batch.rest);
        const count = done.batch.documents.length;
        if (!piece.ids) this.#sizer.learn(piece.keys ?? count, count, done.batch.bytes, ms);
        return this.#done(done, ms);
      } catch (error) {
        const ids = batch?.documents.map(idOf) ?? [];
        if (error instanceof NotByRange) return pieces.giveBack({ ids }, ...(batch?.rest ?? []));
        if (isConflict(error)) conflicts += 1;
        if ((isTooLarge(error) || conflicts >= mostConflicts) && ids.length > 1) {
          const half = ids.length >> 1;
          return pieces.giveBack(
            { ids: ids.slice(0, half) },
            { ids: ids.slice(half) },
            ...(batch?.rest ?? []),
          );
        }
        const passing = isTransient(error) || isInterruption(error);
        if (!passing || performance.now() - started > patienceMs) throw error;
        await pause(Math.min(1000, 5 * 2 ** tries) * (0.5 + Math.random() / 2), keeper.signal);
      }
    }
  }

  #done({ n, modified }: Kept, ms: number): void {
    this.#n += n;
    this.#modified += modified;
    this.keeper.changed(this.command, n, ms);
  }

  get #limit(): number {
    return Math.min(this.#sizer.limit, this.keeper.options.mostAtOnce());
  }

  #read(session: ClientSession, piece: Piece): Promise<Batch> {
    const filter = filterOf(this.statement);
    return piece.ids
      ? readListed(this.#collection, piece.ids, { filter, session })
      : readBatch(this.#collection, piece, { filter, limit: this.#limit, session });
  }

  /** The server works on the change while the journal is put together here. */
  async #change(session: ClientSession, piece: Piece, batch: Batch): Promise<Done> {
    const { write, keeper } = this;
    const { documents } = batch;
    if (documents.length === 0) return { n: 0, modified: 0, batch };
    const db = this.#collection.db;
    const statements = this.#statements(piece, documents);
    const sent = sendWrites(db, write.kind, write.collection, statements, { session });
    sent.catch(() => undefined);
    const foreseen = this.#foresee(documents);
    const { n, modified, failures } = await sent;
    if (failures[0]) throw new Refused(failures[0]);
    if (n !== documents.length)
      throw piece.ids ? new Error('documents have changed in a snapshot') : new NotByRange();
    const fits = foreseen && (write.kind === 'delete' || foreseen.length === modified);
    const entries = fits ? foreseen : await this.#compare(session, piece, documents);
    if (entries.length > 0) {
      const { rows } = keeper.rows.documents(write, entries);
      const reply = await sendWrites(keeper.rows.db, 'insert', keeper.rows.name, rows, { session });
      if (reply.failures[0]) throw rowsRefused(reply.failures[0].code, reply.failures[0].message);
    }
    return { n, modified, batch };
  }

  #statements(piece: Piece, documents: readonly Buffer[]): Buffer[] {
    const ids = documents.map(idOf);
    if (piece.ids) return [this.#statement(byIds(ids))];
    return groups(ids).map(([first, last]) => {
      if (sameValue(first, last)) return this.#statement(byIds([first]));
      const between = objectValue(document([element('$gte', first), element('$lte', last)]));
      return this.#statement(document([element('_id', between)]));
    });
  }

  readonly #statement = (ids: Buffer): Buffer => {
    const { q, raw } = this.statement;
    const both = document([element('$and', arrayValue([ids, q].map(objectValue)))]);
    const wanted = q.length > emptyDocument.length ? both : ids;
    // It is no longer the whole statement, which alone may insert.
    return withElements(replaced(raw, 'q', objectValue(wanted)), { upsert: undefined, hint: byId });
  };

  /** The journal's entries, if they can be told without looking again. */
  #foresee(documents: readonly Buffer[]): PackedEntry[] | undefined {
    const entries: PackedEntry[] = [];
    const { kind } = this.write;
    for (const before of documents) {
      // An empty patch says that the document is gone.
      const patch =
        kind === 'delete'
          ? emptyDocument
          : (this.#foresight?.(before) ?? encodedPrediction(before, this.statement.raw));
      if (!patch) return undefined;
      if (kind === 'delete' || patch.length > emptyDocument.length)
        entries.push({ id: idOf(before), before, patch });
    }
    return entries;
  }

  /** What the server has made of the documents, inside the transaction. */
  async #compare(session: ClientSession, piece: Piece, documents: readonly Buffer[]): Promise<PackedEntry[]> {
    const ids = documents.map(idOf);
    const whole = !piece.ids && this.statement.q.length === emptyDocument.length;
    const found = whole
      ? await readRange(this.#collection, { min: piece.from, max: piece.to, limit: ids.length, session })
      : [];
    const inOrder = found.length === ids.length && found.every((raw, i) => sameValue(idOf(raw), ids[i]));
    const known = inOrder ? undefined : await readByIds(this.#collection, ids, { session });
    return documents.flatMap((before, i) => {
      const id = ids[i] as RawValue;
      const after = (known ? known.get(keyOf(id)) : found[i]) ?? before;
      if (sameBytes(before, after)) return [];
      return [{ id, before, patch: fastDiff(before, after) ?? encodePatch(diff(before, after)) }];
    });
  }

  #reply(failure: WriteFailure | undefined): Buffer {
    const parts = [element('n', intValue(this.#n))];
    if (this.write.kind === 'update') parts.push(element('nModified', intValue(this.#modified)));
    if (failure) {
      const about = [
        element('index', intValue(0)),
        element('code', intValue(failure.code)),
        element('errmsg', stringValue(failure.message)),
      ];
      parts.push(element('writeErrors', arrayValue([objectValue(document(about))])));
    }
    return document(parts);
  }
}
