// What the server has to know: JavaScript that runs there (L20), and what came with later versions (L21).
import { helpers } from './actions';
import type { LintContext } from './finding';
import type { LintedMigration } from './migration';
import { booleanOf, fieldOf, type Placed } from './names';
import type { Node } from './nodes';
import { endOf, startOf } from './nodes';
import type { Report, Rule } from './report';
import { bodiesOf, dollarKeys, pipelinesOf, stagesOf } from './updates';
import { introduced, isOlder, operators, stages } from './versions';

export const serverRules: Rule[] = [serverJavaScript, tooNew];

const scripted = new Set(['$where', '$function', '$accumulator']);
/** Static functions of Array and String that the JavaScript of MongoDB 6.0 and later does not have. */
const removed =
  /\b(?:Array\.(?:concat|every|filter|forEach|indexOf|join|lastIndexOf|map|pop|push|reduce|reduceRight|reverse|shift|slice|some|sort|splice|unshift)|String\.(?:charAt|charCodeAt|concat|contains|endsWith|includes|indexOf|lastIndexOf|localeCompare|match|normalize|replace|search|slice|split|startsWith|substr|substring|toLowerCase|toUpperCase|trim|trimLeft|trimRight))\s*\(/;

function serverJavaScript({ actions, text }: LintedMigration, report: Report, context: LintContext): void {
  const tell = (where: Node, what: string, body: Node): void => {
    const gone = removed.exec(text.slice(startOf(body), endOf(body)))?.[0];
    const fails = gone !== undefined && !isOlder(context.serverVersion ?? '6.0', '6.0');
    report(
      'L20',
      where,
      fails
        ? `\`${gone})\` is gone from the JavaScript of servers since MongoDB 6.0, so ${what} fails.`
        : `${what} runs JavaScript on the server: slow, turned off on many servers, and deprecated since MongoDB 8.0.`,
      fails
        ? 'Call it on the value itself, or use operators.'
        : 'Use operators of the aggregation, or a transform.',
      fails ? { severity: 'error' } : {},
    );
  };
  for (const action of actions) {
    if (action.method === 'mapReduce') tell(action.where, '`mapReduce`', action.node);
    for (const body of bodiesOf(action)) {
      for (const { name, value } of dollarKeys(body)) {
        if (scripted.has(name)) tell(value.key, `\`${name}\``, value.node);
      }
    }
  }
}

function tooNew(migration: LintedMigration, report: Report, { serverVersion }: LintContext): void {
  if (serverVersion === undefined) return;
  const tell = (where: Node, what: string, since: string): void => {
    if (!isOlder(serverVersion, since)) return;
    report(
      'L21',
      where,
      `${what} came with MongoDB ${since}; the server has ${serverVersion}.`,
      'Write it with what the server knows, or upgrade it first.',
    );
  };
  for (const action of migration.actions) {
    for (const stage of pipelinesOf(action).flatMap(stagesOf)) {
      const since = stages[stage.name];
      if (since) tell(stage.key, `The stage \`${stage.name}\``, since);
    }
    const expressions: Placed[] = pipelinesOf(action);
    for (const body of new Set([...expressions, ...(action.filter ? [action.filter] : [])])) {
      for (const { name, value } of dollarKeys(body)) {
        const since = operators[name];
        if (since) tell(value.key, `\`${name}\``, since);
      }
    }
    const { method, update, options } = action;
    // The kernel runs pipelines by itself where the server cannot.
    if (update?.node.type === 'ArrayExpression' && !helpers.has(method) && method !== 'transform')
      tell(update.node, 'An update pipeline', introduced.updatePipeline);
    if (!options) continue;
    for (const [name, since] of Object.entries(introduced.options[method] ?? {})) {
      const option = fieldOf(options.node, options.env, name);
      if (option && booleanOf(option.node, option.env) !== false) tell(option.key, `\`${name}\``, since);
    }
  }
  for (const { call, on } of migration.calls) {
    if (on?.type === 'client' && call.method === 'bulkWrite')
      tell(call.property, '`bulkWrite` of a client', introduced.clientBulkWrite);
  }
}
