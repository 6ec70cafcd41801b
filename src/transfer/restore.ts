// Putting documents back as they were, one journaled range in one transaction. Where the touched fields no longer
// hold what the run wrote, the document is left alone and told as a conflict.
import { ObjectId } from 'mongodb';
import { idsOf, idsOfDocuments } from './handled';
import { idQuery, RawList, sendWrites, type WriteFailure } from './command';
import { TryAgain, WriteRefused } from './errors';
import { fastUndo } from './fastPatch';
import { writeGuarded } from './guardedWrite';
import { replacementValue } from './interpret';
import type { Journal } from './journal';
import type { LazyEntry } from './journalPack';
import { leaveAlone } from './leftAlone';
import { decodePatch, isApplied, isUnapplied, takeBack } from './patch';
import type { Range } from './ranges';
import { document, element, emptyDocument, idOf, intValue, keyOf, objectValue, sameBytes } from './raw';
import type { RawValue } from './raw';
import { decoded } from './shownId';
import { readByIds } from './source';
import type { Told } from './toldFields';
import { pause } from './transaction';
import type { Conflict, RevertOptions } from './types';
import { outcomeOf, type Attempt, type Job, type Outcome } from './work';

/** Refused by a validator that came after the document: what was there before may be there again. */
const validationFailed = 121;

interface Planned {
  entry: LazyEntry;
  now: Buffer;
  /** As a whole or, where only the touched fields are known, these; undefined = the document goes. */
  after: Buffer | undefined;
  /** A smaller update that makes `after` of it. */
  u?: RawValue;
}

interface Done {
  deleted: number;
  conflicts: { entry: LazyEntry; conflict: Conflict }[];
}

/** How often a document that others keep changing is looked at again. */
const mostTries = 50;

export class Restore {
  /**
   * Ranges with documents that do not hold what they should, and these documents. A document that the run changed in
   * several ranges has to be taken back from its last change to its first, so they are tried again after the others.
   */
  readonly deferred: Range[] = [];
  /** Nothing is deferred any more: what cannot be restored is a conflict. */
  final = false;

  constructor(
    private readonly options: RevertOptions,
    private readonly journal: Journal,
    /** Where those that are left alone are kept for later. */
    private readonly leftAlone: Journal,
  ) {}

  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { job, session } = attempt;
    const { target, entries, told: quick } = await this.read(attempt);
    if (entries.length === 0) return this.takeBackTold(target, quick, attempt);
    const told = quick.map(plannedOf);
    const collection = this.options.db.collection(target);
    const done: Done = { deleted: 0, conflicts: [] };
    let todo = entries;
    for (let tries = 0; todo.length > 0; tries++) {
      if (tries > 0) await pause(Math.min(200, 2 ** tries), this.options.signal);
      const ids = todo.map((entry) => entry.id);
      const current = await readByIds(collection, ids, { session });
      await attempt.crashPoint('after-read');
      const planned: Planned[] = tries === 0 ? [...told] : [];
      for (const entry of todo) {
        const now = current.get(keyOf(entry.id));
        const reason = job.failed.get(keyOf(entry.id))?.reason ?? this.plan(entry, now, planned);
        const worn = tries === mostTries && planned.at(-1)?.entry === entry;
        if (worn) planned.pop();
        if (reason || worn)
          done.conflicts.push({
            entry,
            conflict: conflictOf(target, entry, now, reason ?? 'others change it all the time'),
          });
      }
      todo = session
        ? await this.send(target, planned, attempt)
        : await this.sendGuarded(target, planned, attempt, done);
      done.deleted += planned.filter(({ after, entry }) => !after && !todo.includes(entry)).length;
    }
    if (this.final && done.conflicts.length > 0) {
      const left = done.conflicts.map(({ entry }) => entry);
      const { sweep, key } = job.range;
      await leaveAlone(this.leftAlone, sweep?.of ?? key, target, left, session);
    }
    return this.outcome([...told.map(({ entry }) => entry), ...entries], done, attempt);
  };

  /** What there is to take back: of what is planned already the documents need not be read any more. */
  private async read({ job, session }: Attempt): Promise<{
    target: string;
    entries: LazyEntry[];
    told: readonly Told[];
  }> {
    const { sweep, key } = job.range;
    const plain = session !== undefined && !sweep && job.failed.size === 0;
    const row = plain ? await this.journal.keptRow(key) : undefined;
    const quick = row && (await this.journal.toldByFields(row, session!));
    const told = quick?.told ?? [];
    if (row && quick && !quick.rest) return { target: row.target, entries: [], told };
    const { target, entries } = await this.journal.read(sweep?.of ?? key, session);
    const known = new Set(told.map(({ before }) => keyOf(idOf(before))));
    const wanted = sweep && new Set(sweep.ids.map(keyOf));
    const left = entries.filter(({ id }) => !known.has(keyOf(id)) && (wanted?.has(keyOf(id)) ?? true));
    return { target, entries: left, told };
  }

  /** A range of which everything is told: an object for each of its documents would only cost time. */
  private async takeBackTold(target: string, told: readonly Told[], attempt: Attempt): Promise<Outcome> {
    await attempt.crashPoint('after-read');
    const statements = new RawList();
    for (const { now, u } of told) statements.addUpdate(now, objectValue(u));
    const idAt = (index: number): RawValue => idOf(told[index]!.now);
    if (told.length > 0) await this.sendList('update', target, statements, idAt, attempt);
    const bytes = told.reduce((sum, { before }) => sum + before.length, 0);
    const handled = idsOfDocuments(told.map(({ before }) => before));
    return outcomeOf({ tally: { scanned: told.length, processed: told.length }, handled, bytes });
  }

  private outcome(entries: readonly LazyEntry[], done: Done, { job }: Attempt): Outcome {
    const left = this.final ? [] : done.conflicts;
    const conflicts = this.final ? done.conflicts : [];
    const missed = new Set(left.map(({ entry }) => entry));
    const handled = idsOf(entries.filter((entry) => !missed.has(entry)).map((entry) => entry.id));
    const { key, sweep } = job.range;
    return outcomeOf({
      tally: {
        scanned: handled.count,
        processed: handled.count - done.deleted - conflicts.length,
        deleted: done.deleted,
        conflicts: conflicts.length,
      },
      handled,
      documents: entries.length,
      bytes: entries.reduce((sum, entry) => sum + (entry.before?.length ?? 0), 0),
      conflicts: conflicts.map(({ conflict }) => conflict),
      held: () => {
        if (left.length === 0) return;
        const ids = left.map(({ entry }) => entry.id);
        this.deferred.push({ key: new ObjectId(), sweep: { of: sweep?.of ?? key, round: 1, ids } });
      },
    });
  }

  /** Adds what puts the document back, or says why it is left alone. */
  private plan(entry: LazyEntry, now: Buffer | undefined, planned: Planned[]): string | undefined {
    const { before } = entry;
    // What nearly every document is: changed by the run and by nobody since.
    const undo = before && now && fastUndo(before, entry.patch, now);
    if (undo) {
      planned.push({ entry, now, after: before, u: undo.u && objectValue(undo.u) });
      return undefined;
    }
    const patch = decodePatch(entry.patch);
    if (!before) {
      // Created by the run: it goes if nobody has written to it, and may be gone already.
      if (!now) return undefined;
      if (!isApplied(patch, now)) return 'the run created it, and it was changed since';
      planned.push({ entry, now, after: undefined });
      return undefined;
    }
    if (!now) return 'it was deleted after the run';
    if (sameBytes(before, now) || isUnapplied(patch, before, now)) return undefined;
    const after = takeBack(before, patch, now);
    if (!after) return 'a field that the run had changed was changed again since';
    planned.push({ entry, now, after });
    return undefined;
  }

  /** Deletes come first: they may free a unique value that a restored document needs. */
  private async send(target: string, planned: Planned[], attempt: Attempt): Promise<LazyEntry[]> {
    for (const kind of ['delete', 'update'] as const) {
      const items = planned.filter(({ after }) => (after === undefined) === (kind === 'delete'));
      if (items.length === 0) continue;
      const statements = new RawList();
      for (const { entry, after, now, u } of items) {
        if (after) statements.addUpdate(now, u ?? replacementValue(after));
        else statements.add(deleteStatement(entry.id));
      }
      await this.sendList(kind, target, statements, (index) => items[index]!.entry.id, attempt);
    }
    return [];
  }

  /** In the transaction, where nothing may be refused. */
  private async sendList(
    kind: 'delete' | 'update',
    target: string,
    statements: RawList,
    idAt: (index: number) => RawValue,
    { session, job }: Attempt,
  ): Promise<void> {
    const reply = await sendWrites(this.options.db, kind, target, statements, {
      session,
      bypassDocumentValidation: job.bypass && kind === 'update',
    });
    const failure = reply.failures[0];
    if (failure) this.refused(idAt(failure.index), failure, job);
  }

  private refused(id: RawValue, failure: WriteFailure, job: Job): never {
    if (failure.code === validationFailed && !job.bypass) {
      job.bypass = true;
      throw new TryAgain();
    }
    throw new WriteRefused(id, failure.message, failure.code);
  }

  /** Hands back what somebody else changed meanwhile. */
  private async sendGuarded(
    target: string,
    planned: Planned[],
    { job, crashPoint, verify }: Attempt,
    done: Done,
  ): Promise<LazyEntry[]> {
    const entries = planned.map(({ entry: { id }, now, after }) => ({ id, before: now, after }));
    await verify();
    const reply = await writeGuarded(this.options.db, target, entries, job);
    await crashPoint('after-write');
    const again = reply.changed.map((index) => planned[index]!.entry);
    for (const failure of reply.refused) {
      const { entry, now } = planned[failure.index]!;
      if (failure.code === validationFailed && !job.bypass) again.push(entry);
      else done.conflicts.push({ entry, conflict: conflictOf(target, entry, now, failure.message) });
    }
    job.bypass ||= reply.refused.some((failure) => failure.code === validationFailed);
    return again;
  }
}

function plannedOf({ before, now, u }: Told): Planned {
  const entry = { id: idOf(before), before, patch: emptyDocument };
  return { entry, now, after: before, u: objectValue(u) };
}

function deleteStatement(id: RawValue): Buffer {
  return document([element('q', objectValue(idQuery(id))), element('limit', intValue(1))]);
}

function conflictOf(collection: string, entry: LazyEntry, now: Buffer | undefined, reason: string): Conflict {
  return { collection, id: decoded(entry.id), reason, before: entry.before ?? null, current: now ?? null };
}
