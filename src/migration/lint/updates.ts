// What updates and pipelines say, out of their literals.
import type { Action } from './actions';
import type { ObjectLiteral, Placed, Property } from './names';
import { arrayOf, objectOf, resolve } from './names';
import type { Node } from './nodes';
import { children } from './nodes';

/** The operators of an update document with their fields; undefined for pipelines and what cannot be read. */
export function operatorsOf({ update }: Action): Map<string, Property> | undefined {
  const literal = update && objectOf(update.node, update.env);
  return literal?.complete ? literal.properties : undefined;
}

/** Fields that an operator of an update touches, with their values. */
export function fieldsOf(operator: Placed | undefined): ObjectLiteral | undefined {
  return operator && objectOf(operator.node, operator.env);
}

export interface Stage {
  name: string;
  /** The name in the text. */
  key: Node;
  value: Property;
}

/** The stages of a pipeline that can be read. */
export function stagesOf(pipeline: Placed | undefined): Stage[] {
  const stages = pipeline && arrayOf(pipeline.node, pipeline.env);
  return (stages?.elements ?? []).flatMap((element) => {
    const [entry] = objectOf(element.node, element.env)?.properties ?? [];
    return entry ? [{ name: entry[0], key: entry[1].key, value: entry[1] }] : [];
  });
}

/** Every key that begins with `$` in the literals below a node, with what stands under it. */
export function* dollarKeys({ node, env }: Placed, depth = 0): Generator<{ name: string; value: Property }> {
  const target = depth > 40 ? undefined : resolve(node, env);
  if (!target) return;
  const literal = objectOf(target.node, target.env);
  if (literal) {
    for (const [name, value] of literal.properties) {
      if (name.startsWith('$')) yield { name, value };
      yield* dollarKeys(value, depth + 1);
    }
    return;
  }
  if (target.node.type === 'ArrayExpression' || target.node.type === 'ConditionalExpression') {
    for (const child of children(target.node)) yield* dollarKeys({ node: child, env: target.env }, depth + 1);
  }
}

/** Everything that an action hands to the server as a query, an update or a pipeline. */
export function bodiesOf({ filter, update, pipeline }: Action): Placed[] {
  return [filter, update, pipeline].filter((part) => part !== undefined);
}

/** The pipelines in an action: an aggregation's, an update's, and those inside of stages. */
export function pipelinesOf(action: Action): Placed[] {
  const top = [action.pipeline, action.update].filter(
    (part) => part !== undefined && arrayOf(part.node, part.env),
  );
  return top.flatMap((part) => (part ? [part, ...innerPipelines(part)] : []));
}

function innerPipelines(pipeline: Placed): Placed[] {
  return stagesOf(pipeline).flatMap(({ name, value }) => {
    const literal = objectOf(value.node, value.env);
    const inner =
      name === '$facet'
        ? [...(literal?.properties.values() ?? [])]
        : name === '$lookup' || name === '$unionWith'
          ? [literal?.properties.get('pipeline')].filter((part) => part !== undefined)
          : [];
    return inner.flatMap((part) => [part, ...innerPipelines(part)]);
  });
}

/** `a` of `a.b.c`. */
export function topOf(path: string): string {
  return path.split('.', 1)[0] ?? path;
}
