// A new shape in another collection: an aggregation over each range of the source, merged into the target with the
// meaning of `$merge`, but inside the range's transaction, so that nothing is merged twice and everything can be
// taken back. (`$merge` itself is not allowed in a transaction.) Without transactions what becomes of the target's
// documents is found out on copies, and written under guard.
import type { ClientSession, Collection, Document } from 'mongodb';
import { idsOfDocuments } from './handled';
import { rawDocuments, sendWrites, speakable } from './command';
import { documentError, WriteRefused } from './errors';
import type { Evaluator } from './evaluate';
import { writeGuarded } from './guardedWrite';
import { groups } from './idGroups';
import { entriesOf } from './into';
import type { Journal } from './journal';
import { MergeRules, keyPart, type Result } from './mergeRules';
import { diff, printOf } from './patch';
import { idOf, keyOf, sameBytes } from './raw';
import type { RawValue } from './raw';
import { unclearReason, type Recovery } from './recovery';
import { readBatch, readByIds, readListed, type Batch } from './source';
import { pause } from './transaction';
import type { PipelineTransferOptions } from './types';
import { outcomeOf, type Attempt, type Outcome } from './work';

export interface MergeParts {
  options: PipelineTransferOptions;
  source: Collection;
  target: Collection;
  journal: Journal | undefined;
  limit: () => number;
  /** Without transactions. */
  guard?: { journal: Journal; recovery: Recovery; evaluator: Evaluator };
}

const mostTries = 50;
const duplicateKey = 11000;

export class Merge {
  private readonly rules: MergeRules;

  constructor(private readonly parts: MergeParts) {
    this.rules = new MergeRules(parts.options);
  }

  readonly work = async (attempt: Attempt): Promise<Outcome> => {
    const { session } = attempt;
    const batch = await this.read(attempt);
    const ids = batch.documents.map(idOf);
    if (!session && !attempt.job.range.sweep) {
      await attempt.verify();
      await attempt.begin(batch.to);
    }
    const processed = session ? await this.inTransaction(ids, attempt) : await this.guarded(ids, attempt);
    return outcomeOf({
      tally: { scanned: ids.length, processed },
      handled: idsOfDocuments(batch.documents),
      bytes: batch.bytes,
      rest: batch.rest,
      to: batch.to,
    });
  };

  private read({ job, session }: Attempt): Promise<Batch> {
    const { source, limit } = this.parts;
    return job.range.sweep
      ? readListed(source, job.range.sweep.ids, { session })
      : readBatch(source, job.range, { projection: { _id: 1 }, limit: limit(), session });
  }

  private async aggregate(ids: RawValue[], { job, session }: Attempt): Promise<Result[]> {
    if (ids.length === 0) return [];
    const wanted = job.range.sweep ? { _id: { $in: ids.map(speakable) } } : within(ids);
    const stages = [{ $match: wanted }, { $sort: { _id: 1 } }, ...this.parts.options.pipeline];
    const cursor = this.parts.source.aggregate(stages, { raw: true, ...(session ? { session } : {}) });
    const results: Result[] = [];
    for await (const raw of rawDocuments(cursor)) results.push(this.rules.result(raw));
    return results;
  }

  private async inTransaction(ids: RawValue[], attempt: Attempt): Promise<number> {
    const { options, target, journal } = this.parts;
    const { session, job } = attempt;
    const results = await this.aggregate(ids, attempt);
    await attempt.crashPoint('after-read');
    const before = await this.readTarget(results, session);
    const statements = this.rules.statements(results, before);
    const reply = await sendWrites(options.db, 'update', target.collectionName, statements, {
      session,
      bypassDocumentValidation: job.bypass,
    });
    const failure = reply.failures[0];
    if (failure) throw new WriteRefused(keyPart(results[failure.index]!, 0), failure.message, failure.code);
    if (journal) {
      const after = await this.readTarget(results, session);
      const entries = entriesOf([...after.values()].map(idOf), byId(before), byId(after));
      await journal.write(job.range.key, target.collectionName, entries, { session, shared: true });
    }
    await attempt.crashPoint('after-journal');
    return results.length;
  }

  /** Whatever somebody else changed meanwhile is merged again; what was written is not. */
  private async guarded(ids: RawValue[], attempt: Attempt): Promise<number> {
    const { options, target } = this.parts;
    const { recovery } = this.parts.guard!;
    const { job } = attempt;
    job.journaled = await recovery.settle(job.range.key);
    const applied = recovery.appliedIn(job.range.key);
    for (let tries = 0; ; tries++) {
      const results = await this.aggregate(ids, attempt);
      await attempt.crashPoint('after-read');
      const before = await this.readTarget(results, undefined);
      const open = results.filter((result) => {
        const there = before.get(result.key);
        if (there && recovery.unclear.has(keyOf(idOf(there)))) {
          throw documentError(target.collectionName, idOf(there), unclearReason);
        }
        return !there || !applied.has(keyOf(idOf(there)));
      });
      const again = await this.writeGuarded(open, before, attempt);
      if (!again) return results.length;
      if (tries === mostTries)
        throw new Error(`documents of "${target.collectionName}" are changed by others all the time`);
      await pause(Math.min(200, 2 ** tries), options.signal);
      options.signal?.throwIfAborted();
    }
  }

  /** Answers whether some of it has to be done again. */
  private async writeGuarded(
    results: Result[],
    before: ReadonlyMap<string, Buffer>,
    attempt: Attempt,
  ): Promise<boolean> {
    const { options, target } = this.parts;
    const { journal, evaluator, recovery } = this.parts.guard!;
    const { job } = attempt;
    const met = results.flatMap((result) => before.get(result.key) ?? []);
    const statements = this.rules.statements(results, before);
    const { after, refused } = await evaluator.merge(met, statements, this.rules.on, attempt.lane);
    if (refused) throw new WriteRefused(keyPart(results[refused.index]!, 0), refused.message, refused.code);
    const old = byId(before);
    const entries = after.flatMap((now) => {
      const was = old.get(keyOf(idOf(now)));
      if (was && sameBytes(was, now)) return [];
      return [{ id: idOf(now), before: was, after: now, patch: was ? diff(was, now) : printOf(now) }];
    });
    await attempt.verify();
    const attempted = { attempt: job.journaled++, shared: true };
    await journal.write(job.range.key, target.collectionName, entries, attempted);
    await attempt.crashPoint('after-journal');
    const reply = await writeGuarded(options.db, target.collectionName, entries, job);
    const left = new Set(reply.changed);
    for (const failure of reply.refused) {
      // Somebody else inserted a document with this key.
      if (failure.code === duplicateKey) left.add(failure.index);
      else throw new WriteRefused(entries[failure.index]!.id, failure.message, failure.code);
    }
    entries.forEach((entry, i) => {
      if (!left.has(i)) recovery.appliedIn(job.range.key).add(keyOf(entry.id));
    });
    return left.size > 0;
  }

  /** The documents of the target that the results meet, by key. */
  private async readTarget(
    results: readonly Result[],
    session: ClientSession | undefined,
  ): Promise<Map<string, Buffer>> {
    const { target } = this.parts;
    const found = new Map<string, Buffer>();
    if (this.rules.byId) {
      const there = await readByIds(
        target,
        results.map((result) => idOf(result.raw)),
        { session },
      );
      for (const raw of there.values()) found.set(this.rules.result(raw).key, raw);
      return found;
    }
    for (let at = 0; at < results.length; at += 1000) {
      const wanted = this.rules.queryFor(results.slice(at, at + 1000));
      const cursor = target.find(wanted, { raw: true, ...(session ? { session } : {}) });
      for await (const raw of rawDocuments(cursor)) found.set(this.rules.result(raw).key, raw);
    }
    return found;
  }
}

function byId(documents: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  return new Map([...documents.values()].map((raw) => [keyOf(idOf(raw)), raw]));
}

/** All documents between the first and the last of neighbouring `_id`s. */
function within(ids: readonly RawValue[]): Document {
  const bounds = groups(ids).map(([first, last]) => ({
    _id: { $gte: speakable(first), $lte: speakable(last) },
  }));
  return bounds.length === 1 ? bounds[0]! : { $or: bounds };
}
