// The author's `validate` in a dry run: it looks at what the rehearsed `up` has made. What it reads is brought into the
// scratch databases as anything that a migration touches, so that it finds the whole database beside.
import type { LoadedMigration } from '../../migration/kinds';
import { isPipeline, isScript } from '../../migration/kinds';
import type { ValidateResult } from '../../migration/kinds';
import type { DryRunReport } from '../../protocol/events';
import type { CheckResult } from '../../protocol/run';
import { verifyByAuthor } from '../checks/verification';
import { readingContext } from '../context';
import { PendingHelpers } from '../helpers/pendingHelpers';
import { runScriptFunction, type ScriptFunction } from '../script';
import type { Rehearsal } from './verdicts';

/** @returns its outcome, which is told as it is found; nothing of a migration without one. */
export async function validateRehearsed(
  { scope, step, migration, extras }: Rehearsal,
  sampled: DryRunReport['sampled'],
): Promise<CheckResult[]> {
  const { recorder, connection, settings } = scope;
  if (typeof migration.definition.validate !== 'function') return [];
  recorder.enter(step, 'verifying');
  const validate = validation(migration);
  const ctx = readingContext(scope, step);
  const results: CheckResult[] = [];
  const tell = (found: CheckResult): void => {
    const result =
      found.outcome === 'failed' ? { ...found, details: onSample(found.details, sampled) } : found;
    results.push(result);
    recorder.verification(step, result);
  };
  const callValidate = async (): Promise<ValidateResult> => {
    let answer: ValidateResult = undefined;
    const asked: ScriptFunction = async (db, client, given) => {
      answer = await validate(db, client, given);
    };
    const { before, redirect } = extras;
    const helpers = new PendingHelpers();
    await runScriptFunction(migration.name, asked, ctx, { scope, helpers, before, redirect });
    return answer;
  };
  const { signal } = scope;
  await verifyByAuthor({ connection, migration, direction: 'up', settings, signal, callValidate }, tell);
  return results;
}

type Validation = (...given: Parameters<ScriptFunction>) => Promise<ValidateResult>;

function validation({ definition }: LoadedMigration): Validation {
  if (isScript(definition)) return async (db, _client, ctx) => definition.validate?.(db, ctx);
  const name = isPipeline(definition) ? definition.into : (definition.into ?? definition.source);
  return async (db, _client, ctx) => definition.validate?.(db.collection(name), ctx);
}

function onSample(details: string, { documents, of, complete }: DryRunReport['sampled']): string {
  if (complete) return details;
  return `${details} (It looked at a sample, ${documents} of ${of} documents; \`--sample all\` leaves nothing out.)`;
}
