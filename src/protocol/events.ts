// The event lines of `--json` and what the panel receives: the same objects. Plain JSON; `at` is an ISO
// string; document values travel as canonical Extended JSON.
import type { ErrorInfo } from './errors';
import type { CheckResult, RunDocument, RunLogLine, RunMode, RunState, StepState } from './run';
import type { MigrationStatus } from './status';

interface Envelope {
  /** Run id; empty for lines that belong to no run (`status`, `list`). */
  run: string;
  at: string;
}

export interface RunStartedEvent extends Envelope {
  type: 'run.started';
  mode: RunMode;
  target: string;
  database: string;
  names: string[];
}
export interface CheckEvent extends Envelope, CheckResult {
  type: 'check';
  step: string;
}
export interface VerificationEvent extends Envelope, CheckResult {
  type: 'verification';
  step: string;
}
export interface StepStartedEvent extends Envelope {
  type: 'step.started';
  step: string;
  kind: string;
  total: number | null;
}
export interface ProgressEvent extends Envelope {
  type: 'progress';
  step: string;
  processed: number;
  total: number | null;
  /** 0 to 100, rounded; null while the total is not known. */
  percentage: number | null;
  rate: number;
  etaSeconds: number | null;
  batchMs: number;
  errors: number;
}
export interface LogEvent extends Envelope {
  type: 'log';
  step?: string;
  level: 'info' | 'warn' | 'error';
  message: string;
}
export interface ErrorEvent extends Envelope {
  type: 'error';
  step?: string;
  error: ErrorInfo;
}
export interface QuarantinedEvent extends Envelope {
  type: 'quarantined';
  step: string;
  collection: string;
  /** `_id` as canonical Extended JSON. */
  id: unknown;
  reason: string;
  /** Where in the author's file it failed: absolute path, line and column from 1. */
  file?: string;
  line?: number;
  column?: number;
}
export interface ConflictEvent extends Envelope {
  type: 'conflict';
  step: string;
  collection: string;
  id: unknown;
  reason: string;
  /** Both versions as canonical Extended JSON; null = the document is not there. */
  before: unknown;
  current: unknown;
}
export interface StepFinishedEvent extends Envelope {
  type: 'step.finished';
  step: string;
  state: StepState;
  processed: number;
  durationMs: number;
  error: ErrorInfo | null;
}
export interface RunFinishedEvent extends Envelope {
  type: 'run.finished';
  state: RunState;
  durationMs: number;
  exitCode: number;
  error: ErrorInfo | null;
}
/** One sampled document of a dry run, before and after `up`, as canonical Extended JSON text. */
export interface DiffEvent extends Envelope {
  type: 'diff';
  step: string;
  collection: string;
  id: unknown;
  before: unknown;
  after: unknown;
}
export interface ReportEvent extends Envelope {
  type: 'report';
  report: DryRunReport;
}
export interface StatusEvent extends Envelope {
  type: 'status';
  target: string;
  migrations: MigrationStatus[];
}
/** Answer of listing commands (`runs`, `quarantine list`, `baseline`): one line with all rows. */
export interface ListEvent extends Envelope {
  type: 'list';
  of:
    | 'runs'
    | 'quarantine'
    | 'journals'
    | 'conflicts'
    | 'throttle'
    | 'baseline'
    | 'adopted'
    | 'squash'
    | 'databases';
  items: unknown[];
}

export type Event =
  | RunStartedEvent
  | CheckEvent
  | VerificationEvent
  | StepStartedEvent
  | ProgressEvent
  | LogEvent
  | ErrorEvent
  | QuarantinedEvent
  | ConflictEvent
  | StepFinishedEvent
  | RunFinishedEvent
  | DiffEvent
  | ReportEvent
  | StatusEvent
  | ListEvent;
export type EventType = Event['type'];
/** An event before its envelope is filled in. */
export type EventBody = Event extends infer E ? (E extends Event ? Omit<E, 'run' | 'at'> : never) : never;

export interface CollectionReport {
  collection: string;
  scanned: number;
  changed: number;
  inserted: number;
  deleted: number;
  /** Index and option changes, in words. */
  indexes: string[];
  options: string[];
}

/** The three answers of a verdict; `unknown` says why in `details`. */
export interface Verdict {
  answer: 'yes' | 'no' | 'unknown';
  details: string;
}

/** What a dry run found (API: dry run). */
export interface DryRunReport {
  step: string;
  kind: string;
  succeeded: boolean;
  error: ErrorInfo | null;
  /** Documents copied into the scratch database, and whether that was all of them. */
  sampled: { documents: number; of: number; complete: boolean };
  /** What the migration's `validate` says of it; empty without one. */
  verification?: CheckResult[];
  commands: Record<string, number>;
  collections: CollectionReport[];
  diffs: { collection: string; id: unknown; before: unknown; after: unknown }[];
  refusedByValidator: number;
  repeatable: Verdict;
  reversible: Verdict;
  estimate: { documents: number | null; seconds: number | null; growthBytes: number | null };
  /** Calls that left the database (network, files) and anything a dry run could not show. */
  warnings: string[];
}

/** Everything a view of one run needs, always whole (a hidden view keeps only the newest message). */
export interface RunSnapshot {
  run: RunDocument;
  log: RunLogLine[];
  reports: DryRunReport[];
  conflicts: ConflictEvent[];
  quarantined: QuarantinedEvent[];
  /** Documents a second, oldest first, one point about each second. */
  rates: number[];
}
