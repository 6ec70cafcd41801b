// What editors know about MongoDB's operators, stages, expressions and variables: mongoOperators.json, by name.
// Complete for MongoDB 4.4 to 8.0; a test asks a real server about each.
import table from './mongoOperators.json';

/**
 * Where a name may stand: `query` at the top of a filter, `condition` under a field of one, `parameter` inside such
 * conditions; `update` at the top of an update document, `modifier` inside `$push`; `accumulator` in `$group`,
 * `window` in `$setWindowFields`.
 */
export type OperatorKind =
  | 'stage'
  | 'query'
  | 'condition'
  | 'parameter'
  | 'update'
  | 'modifier'
  | 'expression'
  | 'accumulator'
  | 'window'
  | 'variable';

export interface Operator {
  /** With its dollar sign (variables have two). */
  name: string;
  kinds: OperatorKind[];
  /** First version of MongoDB that knows it; absent for what 4.4.0 knows already. */
  since?: string;
  /** One sentence. */
  doc: string;
  /** A snippet for its value in JavaScript, where one helps. */
  value?: string;
}

export const mongoOperators = table as readonly Operator[];

/** Those that may stand where one of `kinds` is wanted. */
export function operatorsOf(kinds: readonly OperatorKind[]): Operator[] {
  return mongoOperators.filter((operator) => operator.kinds.some((kind) => kinds.includes(kind)));
}

/** Stages that an update with a pipeline takes. */
export const updateStages: readonly string[] = [
  '$addFields',
  '$set',
  '$project',
  '$unset',
  '$replaceRoot',
  '$replaceWith',
];
