// A new run document: what a run looks like before anything has happened.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Db } from 'mongodb';
import type { Event, RunSnapshot } from '../protocol/events';
import type { RunControl, RunDocument, RunMode, RunStep, RunThrottle } from '../protocol/run';

export interface RunHooks {
  event?: (event: Event) => void;
  /** At most five times a second, and once at the end; always the whole run. */
  snapshot?: (snapshot: RunSnapshot) => void;
}

export interface RecorderOptions {
  id: string;
  /** The document of the run that is continued under the same id. */
  resumed?: RunDocument;
  /** Where the run document is kept. */
  db: Db;
  /** Of the lease, whose owners alone keep a document; 0 where none is kept. */
  epoch: number;
  mode: RunMode;
  connection: string;
  connectionName?: string;
  target: string;
  production?: boolean;
  program: string;
  steps: { name: string; kind: string; file?: string; checksum?: string; journal?: string }[];
  /** What the run begins with; a resumed one goes on with what it had. */
  throttle?: RunThrottle;
  hooks: RunHooks;
  /** Called when somebody asks the run to pause, resume or cancel through its document. */
  onControl(control: Exclude<RunControl, null>): void;
  /** Called at the start, and when somebody changes the limits of the run through its document. */
  onThrottle?(throttle: RunThrottle): void;
}

/** Sortable by time, unique, and short enough to be typed: `20261123-101500-3f9a1c`. */
export function newRunId(at: Date = new Date()): string {
  const stamp = at.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${randomBytes(3).toString('hex')}`;
}

export function newRunDocument(options: RecorderOptions): RunDocument {
  const now = new Date();
  return {
    _id: options.id,
    state: 'planned',
    direction: options.mode === 'down' ? 'down' : 'up',
    mode: options.mode,
    connection: options.connection,
    connectionName: options.connectionName,
    database: options.db.databaseName,
    target: options.target,
    production: options.production,
    host: hostname(),
    pid: process.pid,
    program: options.program,
    startedAt: options.resumed?.startedAt ?? now,
    endedAt: null,
    heartbeatAt: now,
    // Steps that an earlier start of this run has finished stay as they are.
    steps: [...finishedSteps(options), ...options.steps.map(newStep)],
    control: null,
    throttle: options.resumed?.throttle ?? { ...options.throttle },
    error: null,
  };
}

function finishedSteps({ resumed, steps }: RecorderOptions): RunStep[] {
  return (resumed?.steps ?? []).filter((step) => !steps.some(({ name }) => name === step.name));
}

function newStep(step: RecorderOptions['steps'][number]): RunStep {
  return {
    ...step,
    state: 'planned',
    startedAt: null,
    endedAt: null,
    processed: 0,
    total: null,
    rate: 0,
    etaSeconds: null,
    batchMs: 0,
    errors: 0,
    quarantined: 0,
    conflicts: 0,
    checks: [],
    verification: [],
    error: null,
  };
}
