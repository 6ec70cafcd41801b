// What is looked at after a run: the author's own `validate`, the counts, the validator, the indexes, and a few
// documents, compared with what was foretold and read again. Tells what it finds; whether that fails the run is the engine's decision.
import type { Document } from 'mongodb';
import type { AuthorCheck, ValidateResult } from '../../migration/kinds';
import type { CheckResult } from '../../protocol/run';
import { decodeExact } from '../documents';
import { runUserCode } from '../userCode';
import type { Check, CheckScope, ChecksContext, Finding } from './check';
import {
  bothWays,
  count,
  documents,
  failed,
  messageOf,
  passed,
  pipelineOf,
  scriptOf,
  skipped,
  sourceOf,
  targetOf,
  transformOf,
  upOnly,
  writesInPlace,
} from './check';
import { comparisonCheck, type Foretold } from './comparison';
import { checkScope, runOne } from './runChecks';
import { sampleContext } from './sample';
import { indexCheck } from './sourceChecks';
import { countViolations, validationOf, violationsCounted } from './validatorChecks';

/** What the run knows about itself. */
export interface RunFacts {
  processed: number;
  skipped?: number;
  errors?: number;
  quarantined?: number;
  conflicts?: number;
  /** Documents in the source before and expected to be handled; absent = not known. */
  sourceBefore?: number;
  total?: number | null;
  /** Documents in the target before the run, for `into` and pipelines. */
  targetBefore?: number;
  /** What the checks before the run said of a few documents. */
  foretold?: readonly Foretold[];
}

/** Verification after a run, one after the other: nothing hurries then. `facts` are null for scripts. */
export async function verify(
  context: ChecksContext,
  facts: RunFacts | null,
  emit: (result: CheckResult) => void = () => undefined,
): Promise<CheckResult[]> {
  return runInTurn(verifications(facts ?? { processed: 0 }), context, emit);
}

/** What the author's own `validate` says, alone. */
export function verifyByAuthor(
  context: ChecksContext,
  emit: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  return runInTurn([authorCheck], context, emit);
}

async function runInTurn(
  checks: readonly Check[],
  context: ChecksContext,
  emit: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  const scope = checkScope(context);
  const results: CheckResult[] = [];
  for (const check of checks) {
    if (!check.directions.includes(context.direction) || !check.applies(scope)) continue;
    context.signal.throwIfAborted();
    for (const result of await runOne(check, scope)) {
      results.push(result);
      emit(result);
    }
  }
  return results;
}

function verifications(facts: RunFacts): Check[] {
  return [
    authorCheck,
    countsCheck(facts),
    targetCheck(facts),
    violationsCheck,
    indexCheck,
    comparisonCheck(facts.foretold ?? []),
    rereadCheck,
  ];
}

/** The author's `validate`: a boolean, a list of checks, or an exception. */
const authorCheck: Check = {
  id: 'author-validate',
  title: 'The validate function of the migration',
  directions: upOnly,
  applies: ({ migration }) => typeof migration.definition.validate === 'function',
  async run(scope) {
    let answer: ValidateResult;
    try {
      answer = await callValidate(scope);
    } catch (error) {
      scope.signal.throwIfAborted();
      return failed('error', `validate failed: ${messageOf(error).replace(/\.$/, '')}.`, lookAtData);
    }
    if (Array.isArray(answer)) return answer.map(authorFinding);
    return answer === false
      ? failed('error', 'validate returned false.', lookAtData)
      : passed(answer === true ? 'validate returned true.' : 'validate ended without an error.');
  },
};

const lookAtData = 'Look at the documents, and roll the migration back if they are wrong.';

function authorFinding(answer: AuthorCheck): Finding {
  const name = typeof answer?.check === 'string' && answer.check !== '' ? answer.check : 'validate';
  const details = typeof answer?.details === 'string' ? answer.details : '';
  return (answer as AuthorCheck | null)?.passed
    ? passed(details || 'Passed.', name)
    : failed('error', details || 'Not as the migration expects.', lookAtData, name);
}

async function callValidate(scope: CheckScope): Promise<ValidateResult> {
  if (scope.callValidate) return scope.callValidate();
  const { db } = scope.connection;
  const ctx = scope.userContext ?? { ...sampleContext(scope), dryRun: false };
  const script = scriptOf(scope);
  const collection = db.collection(targetOf(scope) ?? '');
  const work = (): Promise<ValidateResult> =>
    runUserCode<ValidateResult>(scope.migration.name, scope.signal, () =>
      script
        ? script.validate?.(db, ctx)
        : (transformOf(scope) ?? pipelineOf(scope))?.validate?.(collection, ctx),
    );
  return scope.ownClients ? scope.ownClients.run(work) : work();
}

/** Nothing may be lost on the way: whatever was expected was written, skipped or put aside. */
function countsCheck(facts: RunFacts): Check {
  return {
    id: 'counts',
    title: 'Every document is accounted for',
    directions: bothWays,
    applies: (scope) => transformOf(scope) !== null,
    async run(scope) {
      const handled =
        facts.processed +
        (facts.skipped ?? 0) +
        Math.max(facts.errors ?? 0, facts.quarantined ?? 0) +
        (facts.conflicts ?? 0);
      const put = [
        `${documents(facts.processed)} written`,
        ...(facts.skipped ? [`${count(facts.skipped)} left as they were`] : []),
        ...(facts.quarantined ? [`${count(facts.quarantined)} in quarantine`] : []),
        ...(facts.conflicts ? [`${count(facts.conflicts)} in conflict`] : []),
      ].join(', ');
      if (facts.total != null && handled < facts.total) {
        return failed(
          'warning',
          `${put}, though ${count(facts.total)} were expected.`,
          'Documents that were deleted or changed meanwhile explain that; else run the migration again.',
        );
      }
      return sourceChange(scope, facts, put);
    },
  };
}

async function sourceChange(scope: CheckScope, facts: RunFacts, put: string): Promise<Finding> {
  if (facts.sourceBefore === undefined) return passed(`${put}.`);
  const source = sourceOf(scope) ?? '';
  const now = await scope.connection.db
    .collection(source)
    .estimatedDocumentCount({ maxTimeMS: scope.limits.timeMs });
  const change = now - facts.sourceBefore;
  if (change === 0) return passed(`${put}; ${source} holds ${documents(now)} as before.`);
  return failed(
    'warning',
    `${put}; ${source} holds ${documents(now)}, ${count(Math.abs(change))} ${change > 0 ? 'more' : 'fewer'} than before.`,
    'A migration of documents in place neither adds nor removes any: make sure that the application did.',
  );
}

/** Documents that went to another collection must be there. */
function targetCheck(facts: RunFacts): Check {
  return {
    id: 'target-count',
    title: 'Target holds the written documents',
    directions: upOnly,
    applies: (scope) => sourceOf(scope) !== null && !writesInPlace(scope) && facts.targetBefore !== undefined,
    async run(scope) {
      const target = targetOf(scope) ?? '';
      const now = await scope.connection.db
        .collection(target)
        .countDocuments({}, { maxTimeMS: scope.limits.timeMs });
      const before = facts.targetBefore ?? 0;
      if (now < before || (now === 0 && facts.processed > 0)) {
        return failed(
          'error',
          `${target} holds ${documents(now)}, ${count(before)} before the run.`,
          lookAtData,
        );
      }
      return passed(`${target} holds ${documents(now)}, ${count(now - before)} more than before.`);
    },
  };
}

const violationsCheck: Check = {
  id: 'validator-violations',
  title: 'Validator accepts the stored documents',
  directions: bothWays,
  applies: (scope) => targetOf(scope) !== null,
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const validation = validationOf(await scope.facts.collection(target));
    if (!validation) return passed(`${target} has no validator.`);
    const number = await countViolations(
      scope.connection.db,
      target,
      validation.validator,
      {},
      scope.limits.timeMs,
    );
    if (number === 0) return passed(`All documents in ${target} satisfy its validator.`);
    const many = number >= violationsCounted ? `At least ${violationsCounted} documents` : documents(number);
    return failed(
      'warning',
      `${many} in ${target} ${number === 1 ? 'does' : 'do'} not satisfy its validator.`,
      lookAtData,
    );
  },
};

const rereadSize = 20;

/** Reads some documents of the target again; damaged ones do not decode. */
const rereadCheck: Check = {
  id: 'reread',
  title: 'Sampled documents can be read again',
  directions: bothWays,
  applies: (scope) => targetOf(scope) !== null,
  async run(scope) {
    const target = targetOf(scope) ?? '';
    const raws = (await scope.connection.db
      .collection(target)
      .aggregate([{ $sample: { size: rereadSize } }], { raw: true, maxTimeMS: scope.limits.timeMs })
      .toArray()) as unknown as Uint8Array[];
    if (raws.length === 0) return skipped(`${target} is empty.`);
    const broken = raws.filter((raw) => !canBeRead(raw)).length;
    return broken === 0
      ? passed(`${documents(raws.length)} of ${target} read again.`)
      : failed('error', `${broken} of ${documents(raws.length)} in ${target} cannot be decoded.`, lookAtData);
  },
};

function canBeRead(raw: Uint8Array): boolean {
  try {
    const document: Document = decodeExact(raw);
    return '_id' in document;
  } catch {
    return false;
  }
}
