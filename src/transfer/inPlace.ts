// Changing documents where they are, one range in one transaction: the snapshot that was read is the guard, since a
// document that somebody else changed meanwhile ends the transaction with a conflict. Deployments without
// transactions take guarded.ts.
import type { Document } from 'mongodb';
import { idQuery, rawDocument, sendWrites, speakable, UnspeakableId, RawList, readRange } from './command';
import { TryAgain, WriteRefused } from './errors';
import type { Edit } from './edits';
import type { PackedEntry } from './journalPack';
import { groupsOf } from './idGroups';
import { sameId } from './imageRow';
import type { KeptByServer } from './keptByServer';
import type { Patch } from './patch';
import { PlainUpdate } from './plainUpdate';
import {
  arrayValue,
  boolValue,
  document,
  element,
  emptyDocument,
  idOf,
  intValue,
  keyOf,
  objectValue,
  sameValue,
} from './raw';
import type { RawValue } from './raw';
import { readByIds, type Batch } from './source';
import { Stage, updates, type StageParts } from './stage';
import { namesWithEnd, patchBetween, patchOfFields, touchedFields } from './touchedFields';
import type { Worker } from './step';
import type { Attempt, Outcome } from './work';

export class InPlace implements Worker {
  private readonly stage: Stage;
  private readonly filter: Buffer | undefined;
  /** The only fields that the change can touch, where that is known. */
  private readonly touched: { projection: Document; names: Buffer[] } | undefined;

  constructor(
    private readonly parts: StageParts,
    /** Where the server can keep the documents by itself. */
    readonly around: KeptByServer | undefined,
  ) {
    this.stage = new Stage(parts);
    const { change } = parts.options;
    const fields = change.kind === 'pipeline' ? touchedFields(change.update) : undefined;
    if (fields && fields.length > 0) {
      const projection = Object.fromEntries(fields.map((name) => [name, 1]));
      this.touched = { projection, names: namesWithEnd(fields) };
    }
    const raw = rawDocument(parts.options.filter);
    this.filter = raw.length > emptyDocument.length ? raw : undefined;
  }

  /** Reads, changes and journals a range inside the attempt's transaction. */
  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { job, session } = attempt;
    const { journal, target } = this.parts;
    if (job.images && this.around) return this.around.work(attempt, this.stage, this.sendGrouped);
    const batch = await this.stage.read(attempt);
    const { edits, failed } = await this.stage.edit(batch.documents, job);
    const changed = updates(edits);
    const grouped =
      this.stage.pipeline !== undefined && !job.oneByOne && changed.length === batch.documents.length;
    if (grouped) await this.sendGrouped(batch, attempt);
    else await this.sendOneByOne(changed, attempt);
    if (journal) {
      await journal.write(job.range.key, target.collectionName, await this.entries(changed, attempt), {
        session,
        attempt: job.journaled,
      });
    }
    await attempt.crashPoint('after-journal');
    return this.stage.outcome(batch, { processed: changed.length, failed }, attempt);
  };

  private async sendOneByOne(
    edits: (Edit & { change: { u: RawValue } })[],
    { session, job }: Attempt,
  ): Promise<void> {
    const { target, options } = this.parts;
    const statements = new RawList();
    for (const { raw, change } of edits)
      statements.addUpdate(raw, change instanceof PlainUpdate ? change : change.u);
    const reply = await sendWrites(options.db, 'update', target.collectionName, statements, {
      session,
      bypassDocumentValidation: job.bypass,
    });
    const failure = reply.failures[0];
    if (failure) throw new WriteRefused(idOf(edits[failure.index]!.raw), failure.message, failure.code);
    if (reply.n !== statements.length) {
      throw new Error(
        `${statements.length - reply.n} documents of "${target.collectionName}" were not found by their _id`,
      );
    }
  }

  /** The whole range in one statement (one for each group of `_id`s that a comparison covers). */
  private readonly sendGrouped = async (
    batch: Batch,
    { session, job }: Attempt,
  ): Promise<{ modified: number }> => {
    const { target, options } = this.parts;
    const pipeline = this.stage.pipeline!;
    const statements = groupsOf(batch.documents).map(([from, to]) => this.groupStatement(from, to, pipeline));
    const reply = await sendWrites(options.db, 'update', target.collectionName, statements, { session });
    if (reply.failures[0] || reply.n !== batch.documents.length) {
      // A refusal does not say which document it was.
      job.oneByOne = true;
      throw new TryAgain();
    }
    return reply;
  };

  private groupStatement(first: RawValue, last: RawValue, pipeline: RawValue): Buffer {
    const ids = sameValue(first, last)
      ? idQuery(first)
      : document([element('_id', objectValue(document([element('$gte', first), element('$lte', last)])))]);
    const q = this.filter
      ? document([element('$and', arrayValue([objectValue(ids), objectValue(this.filter)]))])
      : ids;
    return document([
      element('q', objectValue(q)),
      element('u', pipeline),
      element('multi', boolValue(true)),
      element('hint', objectValue(document([element('_id', intValue(1))]))),
    ]);
  }

  /** What the journal keeps of each document: known from the answer, or read off what the server made of it. */
  private async entries(edits: ReturnType<typeof updates>, attempt: Attempt): Promise<PackedEntry[]> {
    const unknown = edits.filter(
      ({ change }) => !(change instanceof PlainUpdate) && !change.patch && !change.encodedPatch,
    );
    const found = unknown.length > 0 ? await this.patchesAfter(unknown, attempt) : [];
    const entries: PackedEntry[] = [];
    let next = 0;
    for (const { raw, change } of edits) {
      if (change instanceof PlainUpdate) {
        if (change.patchSize > emptyDocument.length) entries.push(new Kept(raw, change));
        continue;
      }
      const patch = change.encodedPatch ?? change.patch ?? found[next++];
      if (patch && !isEmptyPatch(patch)) entries.push(new Kept(raw, patch));
    }
    return entries;
  }

  /** What the transaction has changed in the documents, in the order of the edits. */
  private async patchesAfter(
    edits: readonly Edit[],
    { job, session }: Attempt,
  ): Promise<(Patch | Buffer | null)[]> {
    const { target } = this.parts;
    const first = edits[0]!.id;
    if (!this.filter && !job.range.sweep && isSpeakable(first)) {
      const limit = edits.length;
      const projection = this.touched?.projection;
      const found = await readRange(target, { min: first, max: job.range.to, limit, session, projection });
      if (found.length === limit && edits.every((edit, i) => sameId(edit.raw, found[i]!))) {
        const patches = edits.map(({ raw }, i) => this.patchBetween(raw, found[i]!));
        if (patches.every((patch) => patch !== undefined)) return patches;
      }
    }
    const ids = edits.map((edit) => edit.id);
    const byId = await readByIds(target, ids, { session });
    return edits.map(({ raw, id }) => patchBetween(raw, byId.get(keyOf(id)) ?? raw));
  }

  /** Undefined if only the touched fields were read and the document is too odd for that. */
  private patchBetween(before: Buffer, found: Buffer): Buffer | null | undefined {
    const { touched } = this;
    return touched ? patchOfFields(before, found, touched.names) : patchBetween(before, found);
  }
}

/** Its `_id` is looked for only where somebody asks. */
export class Kept implements PackedEntry {
  readonly plain: PlainUpdate | undefined;

  constructor(
    readonly before: Buffer,
    private readonly known: Patch | Buffer | PlainUpdate,
  ) {
    this.plain = known instanceof PlainUpdate ? known : undefined;
  }

  get patch(): Patch | Buffer {
    return this.known instanceof PlainUpdate ? this.known.encodedPatch : this.known;
  }

  get id(): RawValue {
    return idOf(this.before);
  }
}

function isEmptyPatch(patch: Patch | Buffer): boolean {
  if (Buffer.isBuffer(patch)) return patch.length === emptyDocument.length;
  return patch.kind === 'paths' && patch.touched.length === 0;
}

function isSpeakable(id: RawValue): boolean {
  try {
    speakable(id);
    return true;
  } catch (error) {
    if (error instanceof UnspeakableId) return false;
    throw error;
  }
}
