// What authors write: the kinds of migrations and what their functions get. Types and `defineMigration` only;
// nothing here runs anything. Contract: docs/migrations.md.
import type { ClientSession, Collection, Db, Document, Filter, MongoClient } from 'mongodb';

export type { ClientSession, Collection, Db, Document, Filter, MongoClient };

export interface MigrationLog {
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/** Options of the kernel's helpers in `ctx`. */
export interface BatchOptions {
  batchSize?: number;
  onError?: 'stop' | 'quarantine';
  maxErrors?: number;
  backup?: 'journal' | 'none';
}

export interface BatchResult {
  processed: number;
  errors: number;
  total: number;
}

/** BSON types that `ctx.convert` converts to. */
export type ConvertTarget = 'date' | 'decimal' | 'int' | 'long' | 'double' | 'objectId' | 'bool' | 'string';

export interface ConvertOptions extends BatchOptions {
  /** Only these documents; without it all that have one of the fields in another type. */
  filter?: Filter<Document>;
  /** How strings are read as dates: `%Y-%m-%d` as in `$dateFromString`, one or several. Default ISO 8601. */
  format?: string | string[];
  /** IANA name of the zone of date strings that name none. Default UTC. */
  timezone?: string;
  /** What numbers count that become dates. Without it they cannot be converted. */
  numbersAs?: 'seconds' | 'milliseconds';
}

export interface ExtractOptions extends Pick<BatchOptions, 'batchSize' | 'onError' | 'maxErrors' | 'backup'> {
  /** Collection that the elements move to. */
  into: string;
  /** Field of the new documents that holds the `_id` of the document they come from. Default: none. */
  foreignKey?: string;
  /** Field of the parent that keeps the new documents' `_id`s in their order. Default: the array field itself. */
  idsField?: string;
}

export interface EmbedOptions extends Pick<BatchOptions, 'batchSize' | 'backup'> {
  /** Collection whose documents become elements. It keeps them; drop it afterwards if nothing else needs it. */
  from: string;
  /** Field of these documents that holds the parent's `_id`; it is left out of the elements. */
  foreignKey?: string;
  /** Field of the parent with the `_id`s of its elements, in their order; it goes. Wins over the foreign key. */
  idsField?: string;
}

/** What a migration's functions get beside the database. */
export interface MigrationContext {
  readonly log: MigrationLog;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
  /** Only inside `transaction: true`. */
  readonly session?: ClientSession;
  readonly args: Record<string, unknown>;
  readonly run: { readonly id: string; readonly startedAt: Date };
  /** Reports progress of work that the engine cannot see. */
  progress(done: number, total?: number): void;
  /** Changes documents in resumable, journaled batches; the same rules as a transform migration's. */
  batch<T extends Document = Document>(
    collection: string,
    filter: Filter<T>,
    transform: TransformFunction<T> | Document[],
    options?: BatchOptions,
  ): Promise<BatchResult>;
  /**
   * Converts fields to other BSON types, exactly: `{ released: 'date', 'items.price': 'decimal' }`. Dotted paths lead
   * through sub-documents and arrays, and each element of an array is converted; null and missing fields stay.
   * Rejects at the first value that cannot be converted without loss, or quarantines its document
   * (`onError: 'quarantine'`).
   */
  convert(
    collection: string,
    fields: Record<string, ConvertTarget>,
    options?: ConvertOptions,
  ): Promise<BatchResult>;
  /**
   * Makes documents of their own out of the sub-documents of an array; the parent keeps their `_id`s. Elements without
   * an `_id` get an ObjectId. `total` and `processed` count parents.
   */
  extract(collection: string, arrayField: string, options: ExtractOptions): Promise<BatchResult>;
  /**
   * The reverse: collects documents of another collection, by the parent's ids or by their foreign key (in the order of
   * their `_id`), into an array of the parent. Rejects before anything is changed when a document is missing or the
   * field is taken.
   */
  embed(collection: string, arrayField: string, options: EmbedOptions): Promise<BatchResult>;
}

/** A check that an author's `validate` hands back. */
export interface AuthorCheck {
  check: string;
  passed: boolean;
  details?: string;
}
export type ValidateResult = boolean | AuthorCheck[] | void;

interface MigrationBase {
  /** What the ledger calls it; without one the file's name with its extension. */
  name?: string;
  description?: string;
  /** Cannot be rolled back, and why. */
  irreversible?: true | string;
  /** Runs again whenever its file has changed since it was applied: for reference data, views, validators. */
  repeatable?: boolean;
  /** Names of migrations that must be applied before. */
  requires?: string[];
  /**
   * Names of migrations that this one stands for (`migratory squash`): where all of them are applied it counts as
   * applied, where none is it runs in their place, where only some are it is refused.
   */
  replaces?: string[];
}

export interface ScriptMigration extends MigrationBase {
  up(db: Db, client: MongoClient, ctx: MigrationContext): unknown;
  /** Absent or null: not reversible by script. */
  down?: ((db: Db, client: MongoClient, ctx: MigrationContext) => unknown) | null;
  /** The whole script in one transaction with its ledger row. */
  transaction?: boolean;
  validate?(db: Db, ctx: MigrationContext): ValidateResult | Promise<ValidateResult>;
}

/**
 * An update document (`{$set: …}`), an update pipeline (array), a whole replacement (an object that carries the
 * document's `_id`), or nothing (skip).
 */
export type TransformOutput = Document | Document[] | null | undefined | void;
export type TransformFunction<T extends Document = Document> = (
  doc: T,
  ctx: MigrationContext,
) => TransformOutput | Promise<TransformOutput>;

export interface TransformMigration<T extends Document = Document> extends MigrationBase {
  /** The collection. */
  source: string;
  filter?: Filter<T>;
  /** Runs in the runner, document by document. */
  transform?: TransformFunction<T>;
  /** An update pipeline that runs on the server, instead of `transform`. */
  update?: Document[];
  /** Writes to another collection instead of changing in place. */
  into?: string;
  revert?: TransformFunction<T>;
  revertPipeline?: Document[];
  validate?(collection: Collection, ctx: MigrationContext): ValidateResult | Promise<ValidateResult>;
  /** Key patterns that must be indexed before the run. */
  requiredIndexes?: Record<string, 1 | -1 | 'text' | '2dsphere' | 'hashed'>[];
  batchSize?: number;
  onError?: 'stop' | 'quarantine';
  maxErrors?: number;
  backup?: 'journal' | 'none';
}

export interface PipelineMigration extends MigrationBase {
  source: string;
  /** An aggregation over ranges of `source`. */
  pipeline: Document[];
  into: string;
  on?: string | string[];
  whenMatched?: 'replace' | 'keepExisting' | 'merge' | 'fail' | Document[];
  whenNotMatched?: 'insert' | 'discard' | 'fail';
  validate?(collection: Collection, ctx: MigrationContext): ValidateResult | Promise<ValidateResult>;
}

export type MigrationKind = 'script' | 'transform' | 'pipeline';
/** Of documents of any shape: a list may hold transforms of several collections. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyTransformMigration = TransformMigration<any>;
export type Migration = ScriptMigration | AnyTransformMigration | PipelineMigration;

/** A migration out of a loaded file, named and classified. */
export interface LoadedMigration {
  name: string;
  kind: MigrationKind;
  /** Absolute path of its file; absent for migrations handed over by a program. */
  file?: string;
  /** Position in the file's array; 0 for a single migration. */
  index: number;
  definition: Migration;
}

/** Gives types to a migration (or an array of them) and hands it back unchanged. */
export function defineMigration<T extends Document>(migration: TransformMigration<T>): TransformMigration<T>;
export function defineMigration(migration: PipelineMigration): PipelineMigration;
export function defineMigration(migration: ScriptMigration): ScriptMigration;
export function defineMigration<const M extends readonly Migration[]>(migrations: M): M;
// One overload for each kind: `validate` gets a collection or a database, which a union could not tell apart.
export function defineMigration(
  migration: Migration | readonly Migration[],
): Migration | readonly Migration[] {
  return migration;
}

export function isTransform(migration: Migration): migration is AnyTransformMigration {
  return 'source' in migration && !('pipeline' in migration);
}

export function isPipeline(migration: Migration): migration is PipelineMigration {
  return 'source' in migration && 'pipeline' in migration;
}

export function isScript(migration: Migration): migration is ScriptMigration {
  return !('source' in migration);
}
