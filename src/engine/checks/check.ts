// What a check is, what it gets, and how it puts its finding into words. The list of all checks is in catalogue.ts,
// running them in runChecks.ts.
import type { OwnClients } from '../ownClients';
import type { Document } from 'mongodb';
import type {
  LoadedMigration,
  MigrationContext,
  PipelineMigration,
  ScriptMigration,
  TransformMigration,
  ValidateResult,
} from '../../migration/kinds';
import { isPipeline, isScript, isTransform } from '../../migration/kinds';
import type { CheckResult, Direction, Severity } from '../../protocol/run';
import type { Connection } from '../connect';
import type { EngineSettings } from '../scope';
import type { Facts } from './facts';
import type { Sample } from './sample';

/** What the checks of one migration are told. */
export interface ChecksContext {
  connection: Connection;
  migration: LoadedMigration;
  direction: Direction;
  settings: Pick<EngineSettings, 'backup' | 'ledger'>;
  signal: AbortSignal;
  /** Names of the applied migrations, for `requires`; without it `requires` is not checked. */
  applied?: ReadonlySet<string>;
  /** For `ctx.args` of the author's functions. */
  args?: Record<string, unknown>;
  /** What the author's `validate` gets as `ctx`; without one its log goes nowhere. */
  userContext?: MigrationContext;
  /** Calls the author's `validate`, where that is not done on the connection itself (dry run). */
  callValidate?: () => Promise<ValidateResult>;
  /** The author's functions may open clients by themselves, which then may only read. */
  ownClients?: OwnClients;
  limits?: Partial<CheckLimits>;
  /** Is told of the sample, once it has been taken. */
  onSample?: (sample: Sample) => void;
}

/** Where a check draws its lines. */
export interface CheckLimits {
  /** Milliseconds that one check may take, on the server and here. */
  timeMs: number;
  /** Milliseconds that the transform may take for one sampled document. */
  transformMs: number;
  sampleSize: number;
  /** Seconds after which an operation or an open transaction counts as long. */
  longOperationSeconds: number;
  lagSeconds: number;
}

export const defaultLimits: CheckLimits = {
  timeMs: 10_000,
  transformMs: 5_000,
  sampleSize: 10,
  longOperationSeconds: 10,
  lagSeconds: 30,
};

/** The context with what all checks share: limits filled in, and facts that are asked for once. */
export interface CheckScope extends ChecksContext {
  limits: CheckLimits;
  facts: Facts;
}

export interface Check {
  /** Stable id that the results carry. */
  id: string;
  /** What is checked, in words; used when the check itself breaks. */
  title: string;
  /** Directions in which it makes sense. */
  directions: readonly Direction[];
  applies(scope: CheckScope): boolean;
  run(scope: CheckScope): Promise<Finding | Finding[]>;
}

/** A result before the runner adds the check's id and how long it took. */
export interface Finding {
  check?: string;
  severity: Severity;
  outcome: CheckResult['outcome'];
  details: string;
  action?: string;
  /** Migrations that would have to run first. */
  names?: string[];
}

export const bothWays: readonly Direction[] = ['up', 'down'];
export const upOnly: readonly Direction[] = ['up'];

export function passed(details: string, check?: string): Finding {
  return { severity: 'info', outcome: 'passed', details, check };
}

export function failed(
  severity: 'error' | 'warning',
  details: string,
  action: string,
  check?: string,
): Finding {
  return { severity, outcome: 'failed', details, action, check };
}

export function skipped(details: string, check?: string): Finding {
  return { severity: 'info', outcome: 'skipped', details, check };
}

export function transformOf({ migration }: ChecksContext): TransformMigration | null {
  return isTransform(migration.definition) ? migration.definition : null;
}

export function pipelineOf({ migration }: ChecksContext): PipelineMigration | null {
  return isPipeline(migration.definition) ? migration.definition : null;
}

export function scriptOf({ migration }: ChecksContext): ScriptMigration | null {
  return isScript(migration.definition) ? migration.definition : null;
}

/** The collection that is read, or null for scripts. */
export function sourceOf(context: ChecksContext): string | null {
  return transformOf(context)?.source ?? pipelineOf(context)?.source ?? null;
}

/** The collection that is written: `into`, or the source itself; null for scripts. */
export function targetOf(context: ChecksContext): string | null {
  return transformOf(context)?.into ?? pipelineOf(context)?.into ?? sourceOf(context);
}

export function writesInPlace(context: ChecksContext): boolean {
  const transform = transformOf(context);
  return transform !== null && transform.into === undefined;
}

export function filterOf(context: ChecksContext): Document {
  return transformOf(context)?.filter ?? {};
}

/** The server's error code, e.g. 13 for a missing privilege. */
export function codeOf(error: unknown): number | undefined {
  // Where values are not promoted it is an Int32.
  const code = (error as { code?: unknown } | null)?.code?.valueOf();
  return typeof code === 'number' ? code : undefined;
}

export const unauthorized = 13;
export const timeExceeded = 50;

/** 1234567 → `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 document`, `2 documents`. */
export function documents(value: number): string {
  return value === 1 ? '1 document' : `${count(value)} documents`;
}

/** Bytes in words: `1.5 GB` (decimal units). */
export function bytes(value: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${rest >= 100 || unit === 0 ? Math.round(rest) : Math.round(rest * 10) / 10} ${units[unit]}`;
}

/** Seconds in words: `42 s`, `3 min`, `2.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 1) return 'less than a second';
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 360) / 10} h`;
  return `${Math.round(seconds / 8640) / 10} days`;
}

export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return typeof error === 'string' ? error : `a thrown ${typeof error}`;
}
