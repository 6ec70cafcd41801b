// The requests that a runner process answers and what it tells by itself. The extension forks one runner as
// observer (config, status, connection tests, watching runs) and one for each run that it starts. Connection
// strings travel only here, over IPC.
import type { RunControl, RunDocument, RunMode, RunThrottle, ThrottleChange } from './run';
import type { Event, RunSnapshot } from './events';
import type { MigrationStatus } from './status';
import type { ErrorAction, ErrorInfo } from './errors';

/**
 * How Node.js is started for a runner: batches of documents live shortly, and with a small young generation fewer that are
 * of no use any more pile up. That saves some 40 MB and costs next to nothing (bench/README.md).
 */
export const runnerFlags = ['--max-semi-space-size=2'] as const;

/** A connection with everything needed to open it. */
export interface ConnectionTarget {
  /** Name in the config or in the connection store. */
  name: string;
  uri: string;
  database: string;
  production?: boolean;
  readOnly?: boolean;
}

/** Where the migrations are. All paths are absolute. */
export interface ProjectLocation {
  /** The workspace folder. */
  root: string;
  /** A config file to use instead of the one that would be found. */
  configFile?: string;
  /** The Python of the workspace, where the config names none. */
  python?: string;
}

/** Where files of migrations are looked for. */
export interface MigrationPlaces {
  /** Absolute paths; new migrations go into the first. */
  folders: string[];
  /** Folders inside them too. */
  recursive: boolean;
  /** The only extension that counts, with its dot, where a project has said so. */
  extension?: string;
}

/** The config as programs need it; `connections` carry their connection strings. */
export interface ConfigView {
  /** Path of the config file, or null when defaults are in use. */
  file: string | null;
  /** `migrate-mongo` when its config file is the one in use. */
  flavor: 'migratory' | 'migrate-mongo' | 'defaults';
  /** Absolute path. */
  migrationsDir: string;
  /** Where migrations are, when that is not just the files of `migrationsDir`. */
  places?: MigrationPlaces;
  ledger: string;
  connections: ConnectionTarget[];
  defaultConnection: string | null;
  /** Severities of lint rules by their ids, where the config says something. */
  lint?: Record<string, 'off' | 'warn' | 'error'>;
}

export interface ConnectionTestStep {
  step: 'address' | 'dns' | 'tcp' | 'tls' | 'login' | 'ping' | 'rights' | 'topology';
  outcome: 'passed' | 'failed' | 'skipped';
  details: string;
  action?: ErrorAction;
  durationMs: number;
}

export interface ServerDescription {
  version: string;
  topology: 'standalone' | 'replica-set' | 'sharded';
  transactions: boolean;
  /** In words: `MongoDB 6.0.27, replica set rs0`. */
  summary: string;
}

export interface RunRequest {
  project: ProjectLocation;
  target: ConnectionTarget;
  mode: RunMode;
  /** Exactly these; empty = all pending (up) or the last applied (down). */
  names: string[];
  /** Documents per collection that a dry run copies, or `all`. */
  sample?: number | 'all';
  /** Arguments for `ctx.args`. */
  args?: Record<string, unknown>;
  /** Run earlier pending ones out of order without asking. */
  allowOutOfOrder?: boolean;
  /** With `up`: go on with this interrupted, failed or cancelled run at its checkpoint. */
  resume?: string;
  /** With `up`: try the documents in quarantine again, of the named migrations or of all. */
  retryQuarantine?: boolean;
  /** With `retryQuarantine`: only the documents with these `_id`s, as Extended JSON. */
  documents?: unknown[];
  /** The last migration to take, and how many to take, where no names are given. */
  to?: string;
  steps?: number;
}

export interface RunResult {
  run: RunDocument;
  exitCode: number;
}

export interface StatusResult {
  server: ServerDescription;
  target: string;
  migrations: MigrationStatus[];
  runs: RunDocument[];
  /** Files that could not be read as migrations, each with its reason. */
  problems: { file: string; error: ErrorInfo }[];
}

/** Who may run on a database now. */
export interface LeaseHolder {
  run: string;
  host: string;
  pid: number;
  /** ISO string. */
  acquiredAt: string;
}

/** What the documents of a collection hold, by a look at some of them. */
export interface CollectionSample {
  /** How many documents were looked at. */
  documents: number;
  /** Dotted paths (arrays add nothing to them), those in most documents first. */
  fields: SampledField[];
}
export interface SampledField {
  path: string;
  /** How many of the documents have it. */
  count: number;
  /** BSON types by their names in `$type`, with how many documents hold one; of an array also those of its elements. */
  types: Record<string, number>;
  elements?: Record<string, number>;
}

/** So many runs of a database are read, the newest. */
export const shownRuns = 100;

/** A question about one database, for the ways out of bad states; all of them refuse a read-only connection. */
export interface MendingRequest {
  project: ProjectLocation;
  target: ConnectionTarget;
}

/** Requests from the extension to a runner. */
export type RunnerMethods = {
  config(params: { project: ProjectLocation }): ConfigView;
  testConnection(params: { target: ConnectionTarget }): {
    steps: ConnectionTestStep[];
    server?: ServerDescription;
  };
  /** Names of the databases of the server that the user may see, those of the server itself left out. */
  databases(params: { target: ConnectionTarget }): string[];
  status(params: { project: ProjectLocation; target: ConnectionTarget }): StatusResult;
  /** Tells `runs` (and `ledger`) about once a second while something moves, until `unwatch` or the end of the process. */
  watch(params: { target: ConnectionTarget; project?: ProjectLocation }): void;
  unwatch(params: { target: ConnectionTarget }): void;
  /** The whole view of one run out of its run document, also of somebody else's. */
  snapshot(params: { project?: ProjectLocation; target: ConnectionTarget; run: string }): RunSnapshot | null;
  control(params: { target: ConnectionTarget; run: string; control: Exclude<RunControl, null> }): void;
  /** A document in quarantine: as it was when it failed, and as it is now; null where it is not there. */
  quarantinedDocument(params: { target: ConnectionTarget; step: string; collection: string; id: unknown }): {
    kept: unknown;
    current: unknown;
  };
  /** Changes limits of a run that is at work (null lifts them all); answers those that hold from now on. */
  throttle(params: { target: ConnectionTarget; run: string; settings: ThrottleChange | null }): RunThrottle;
  /** The source that was applied, out of the ledger; null when the ledger has none. */
  appliedSource(params: { project: ProjectLocation; target: ConnectionTarget; name: string }): string | null;
  /** Names of the collections and views that migrations may be about. */
  collections(params: { target: ConnectionTarget }): string[];
  /** Looks at a bounded number of documents; answers of the last minute are given again. */
  sample(params: { target: ConnectionTarget; collection: string }): CollectionSample;
  /** What lint knows of a database: its collections, and the `$jsonSchema` of those that have one. */
  lintCatalogue(params: { target: ConnectionTarget }): {
    collections?: readonly string[];
    schemas?: Readonly<Record<string, unknown>>;
  };
  /** How many values stand in more than one document; null where that cannot be told, or not soon. */
  duplicates(params: { target: ConnectionTarget; collection: string; fields: string[] }): number | null;
  /** Who holds the lease of the database; null when it is free. */
  lease(params: { target: ConnectionTarget }): LeaseHolder | null;
  /** Takes the lease from `expected`, and from nobody else; answers whether it still held it. */
  unlock(params: MendingRequest & { expected: LeaseHolder }): boolean;
  /** Writes or removes a row of the ledger without running anything. */
  mark(params: MendingRequest & { name: string; as: 'applied' | 'pending' }): void;
  /** Settles what killed processes have left; one sentence for each thing that was done. */
  repair(params: MendingRequest): string[];
  /**
   * Settles what a rollback has left alone, all of it or the document with this `_id` (Extended JSON): `keep` leaves it as
   * it is, `restore` puts it back as it was before the run. Answers with what was settled and what is left.
   */
  resolveConflicts(params: MendingRequest & { name: string; decision: 'keep' | 'restore'; id?: string }): {
    settled: number;
    left: number;
  };
  /**
   * Forgets documents in quarantine, of one migration: all, or those with these `_id`s (Extended JSON); the documents stay
   * as they are. Answers how many.
   */
  discardQuarantine(params: MendingRequest & { name: string; documents?: unknown[] }): number;
  /** Answers when the run has ended; what happens meanwhile comes as notifications. */
  start(params: RunRequest): RunResult;
  cancel(params: { force?: boolean }): void;
  /** A mongod for the sandbox that is on this machine: on PATH, or fetched into `folder` before. */
  findMongod(params: { folder: string }): string | null;
  /** Fetches one into `folder` from where MongoDB offers it, and tells `download` meanwhile; answers its path. */
  fetchMongod(params: { folder: string }): string;
  /** Starts the sandbox server, which ends with this process. `folder` keeps its data; `mongod` is a path. */
  startSandbox(params: { folder: string; mongod: string }): { uri: string; database: string };
  stopSandbox(params: Record<string, never>): void;
};

/** What a runner tells without being asked. */
export type RunnerNotifications = {
  /** Whole state of the run of this process, at most five times a second. */
  snapshot: RunSnapshot;
  event: Event;
  runs: { target: string; database: string; runs: RunDocument[] };
  /** The ledger changed, whoever wrote it; only told when `watch` was given the project. */
  ledger: { target: string; database: string };
  /** How far the download of mongod is; a total of 0 is not known. */
  download: { megabytes: number; totalMegabytes: number };
};
