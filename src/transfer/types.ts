// The shapes of a transfer: what goes in, what comes out, and the parts it is put together from (source, sink,
// monitor, throttle). Types only; the pump itself is transfer.ts.
import type { ClientSession, Db, Document, MongoClient } from 'mongodb';
import type { MigrationContext, TransformFunction } from '../migration/kinds';
import type { RawValue } from './raw';
import type { ErrorLocation } from '../protocol/errors';

/** How the documents of a range are changed. */
export type Change =
  | { kind: 'function'; transform: TransformFunction; ctx: MigrationContext }
  /** An update pipeline that runs on the server. */
  | { kind: 'pipeline'; update: Document[] };

/** Limits that may be changed while the transfer runs (the object is read again before every batch). */
export interface ThrottleSettings {
  docsPerSecond?: number;
  /** Replication lag of the slowest secondary, in seconds. */
  maxLagSeconds?: number;
  /** Milliseconds that one small command may take before the transfer waits. */
  maxLatencyMs?: number;
}

/** What one finished batch did. `ms` is its own duration; batches of several lanes overlap. */
export interface BatchReport {
  /** Documents the batch looked at. */
  count: number;
  ms: number;
  processed: number;
  skipped: number;
  errors: number;
  quarantined: number;
  conflicts: number;
}

/** Hears what happens. All members are optional, none may throw. */
export interface TransferMonitor {
  /** Documents expected in all; called again when the estimate changes. `done` of them were done before a resume. */
  total?(total: number, done: number): void;
  batch?(report: BatchReport): void;
  quarantined?(item: { collection: string; id: unknown; reason: string; place?: ErrorLocation }): void;
  conflict?(item: Conflict): void;
  log?(level: 'info' | 'warn' | 'error', message: string): void;
}

/** A document that a restore left alone, with both versions. */
export interface Conflict {
  collection: string;
  /** Decoded `_id`, BSON types kept. */
  id: unknown;
  reason: string;
  /** The version before the run; null = the run had created the document. Raw BSON. */
  before: Uint8Array | null;
  /** The version found now; null = the document is not there. Raw BSON. */
  current: Uint8Array | null;
}

/** Named places at which a test may kill the process; the hook comes in through the options, never from outside. */
export type CrashPoint =
  | 'after-claim'
  | 'after-images'
  | 'after-read'
  | 'after-journal'
  | 'after-write'
  | 'after-checkpoint'
  | 'before-commit'
  | 'after-commit'
  | 'before-sweep'
  | 'before-finish';

/** What every transfer needs to know about its run and its server. */
export interface TransferContext {
  client: MongoClient;
  /** Holds the collections and our state (checkpoints, quarantine, journal). */
  db: Db;
  runId: string;
  /** Unique within the run, e.g. the migration's name, or `name#batch-1` for a helper of a script. */
  step: string;
  /** The lease's epoch: a transfer of an older epoch can commit nothing more. */
  epoch: number;
  /** Whether the deployment has multi-document transactions. */
  transactions: boolean;
  signal?: AbortSignal;
  /** Awaited before every batch: pause. */
  gate?(): Promise<void>;
  throttle?: ThrottleSettings;
  /** Where in the author's file an error was thrown. */
  placeOf?(error: unknown): ErrorLocation | undefined;
  monitor?: TransferMonitor;
  /** Upper limit of documents per batch. */
  batchSize?: number;
  /** Batches in flight; default 3. */
  lanes?: number;
  crashPoint?(point: CrashPoint, done: number): void | Promise<void>;
}

export interface TransferOptions extends TransferContext {
  /** Name of the source collection in `db`. */
  collection: string;
  filter?: Document;
  change: Change;
  /** Writes to this collection of `db` instead of changing in place. */
  into?: string;
  journal?: 'journal' | 'none';
  onError?: 'stop' | 'quarantine';
  /** With `onError: 'quarantine'`: stop when more than this many documents failed. Default unlimited. */
  maxErrors?: number;
}

/** A second try of documents in quarantine. */
export interface RetryOptions extends TransferOptions {
  /** The step whose documents they are, where the retry has a name of its own. */
  quarantine?: string;
  /** Those that pass stay in quarantine too: the caller has more to do with them. */
  hold?: boolean;
  /** Only these `_id`s, decoded. */
  only?: readonly unknown[];
}

/** A pipeline migration: an aggregation over ranges of the source, merged into a target (fields as `$merge`). */
export interface PipelineTransferOptions extends TransferContext {
  collection: string;
  pipeline: Document[];
  into: string;
  on?: string | string[];
  whenMatched?: 'replace' | 'keepExisting' | 'merge' | 'fail' | Document[];
  whenNotMatched?: 'insert' | 'discard' | 'fail';
  journal?: 'journal' | 'none';
  /** `_id`s: these documents of the source instead of all. */
  only?: readonly RawValue[];
}

/** Counts of the whole step, also over its resumes. */
export interface TransferResult {
  scanned: number;
  /** Documents written. */
  processed: number;
  /** Documents the transform left as they were. */
  skipped: number;
  errors: number;
  quarantined: number;
  total: number;
  durationMs: number;
}

export interface RevertOptions extends TransferContext {
  /** Keep the step's journal although everything was restored. Default false. */
  keepJournal?: boolean;
}

export interface RevertResult {
  restored: number;
  /** Documents that the run had created and that are gone again. */
  deleted: number;
  conflicts: number;
  total: number;
  durationMs: number;
}

/** A document that could not be changed; stops the transfer unless it may go to quarantine. */
export interface DocumentFailure {
  collection: string;
  id: unknown;
  reason: string;
}

export interface RangeSession {
  /** Present where the range runs in a transaction. */
  session?: ClientSession;
}
