// The run document (`_migratory_runs`): the truth about a run for everyone, whoever started it. Everything
// that shows a run (tree, lenses, panel, status bar, command line) is a view of this shape.
import type { ErrorInfo } from './errors';

export type Direction = 'up' | 'down';

/** What a run does. `dry-run` and `validate` write no run document; their events are their only record. */
export type RunMode = Direction | 'dry-run' | 'validate' | 'verify';

export type RunState =
  | 'planned'
  | 'checking'
  | 'running'
  | 'paused'
  | 'verifying'
  | 'applied'
  | 'failed'
  | 'rolling-back'
  | 'rolled-back'
  | 'conflicts'
  | 'cancelled'
  | 'interrupted';

/** A step waits in `planned`; its end states are the run's. */
export type StepState = RunState;

export const finalRunStates: readonly RunState[] = [
  'applied',
  'failed',
  'rolled-back',
  'conflicts',
  'cancelled',
  'interrupted',
];

export type Severity = 'error' | 'warning' | 'info';

/** One finished check, before a run (preflight) or after it (verification). */
export interface CheckResult {
  /** Stable id, e.g. `source-exists`, `index`, `disk-space`, `transform-sample`, `privileges`, `server`. */
  id: string;
  /** What was checked, in words: `Index {"status":1} exists`. */
  check: string;
  severity: Severity;
  outcome: 'passed' | 'failed' | 'skipped';
  /** What was found, one sentence. */
  details: string;
  /** What to do about it, one sentence; only when failed. */
  action?: string;
  /** Migrations that would have to run first. */
  names?: string[];
  /** Where in the author's file it was found: absolute path, line and column from 1. */
  file?: string;
  line?: number;
  column?: number;
  durationMs?: number;
}

/** Limits of a run's transfers; what is absent is not limited. */
export interface RunThrottle {
  docsPerSecond?: number;
  /** Replication lag of the slowest secondary. */
  maxLagSeconds?: number;
  /** Milliseconds that one small command may take. */
  maxLatencyMs?: number;
}

/** A change of the limits: null lifts one, what is absent stays. */
export type ThrottleChange = { [K in keyof RunThrottle]: RunThrottle[K] | null };

export type RunControl = 'pause' | 'resume' | 'cancel' | null;

/** Plain JSON but for dates: in MongoDB they are Dates, over IPC and in `--json` ISO strings. */
export interface RunStep {
  name: string;
  file?: string;
  kind: string;
  /** SHA-256 of the file's bytes when the run was planned, in hex. */
  checksum?: string;
  state: StepState;
  startedAt: Date | string | null;
  endedAt: Date | string | null;
  /** Documents handled so far and expected in all (null = not known). */
  processed: number;
  total: number | null;
  /** Documents per second over the last seconds. */
  rate: number;
  etaSeconds: number | null;
  /** Average milliseconds per batch over the last seconds. */
  batchMs: number;
  errors: number;
  quarantined: number;
  conflicts: number;
  checks: CheckResult[];
  verification: CheckResult[];
  /** What the step is doing right now, for people: `creating index status_1 on movies`. */
  activity?: string;
  error: ErrorInfo | null;
  /** The run whose journal and checkpoints this step uses, when it goes on with the work of an earlier run. */
  journal?: string;
  /** What a script has changed first that no journal is kept of: its journal leads back a part of the way alone. */
  unkept?: string;
}

export interface RunLogLine {
  at: string;
  level: 'info' | 'warn' | 'error';
  message: string;
  step?: string;
}

export interface RunDocument {
  _id: string;
  state: RunState;
  direction: Direction;
  mode: RunMode;
  /** Redacted connection string: no user, no password. */
  connection: string;
  /** Name of the configured connection, if it has one. */
  connectionName?: string;
  database: string;
  /** Target in words, as in lenses and confirmations: `shop on localhost:27017`. */
  target: string;
  production?: boolean;
  host: string;
  pid: number;
  /** The program that runs it: `vscode`, `cli`, `library`. */
  program: string;
  startedAt: Date | string;
  endedAt: Date | string | null;
  heartbeatAt: Date | string;
  steps: RunStep[];
  /** The last lines of its log; absent where many runs are listed. */
  log?: RunLogLine[];
  control: RunControl;
  /** What holds its transfers back; may be changed while it runs, and is obeyed before the next batch. */
  throttle?: RunThrottle;
  /** Its journal was cleaned: nothing can be rolled back from it any more. */
  journalDroppedAt?: Date | string;
  error: ErrorInfo | null;
}
