// The operators and stages that stand as unquoted keys in a text of JavaScript or TypeScript, for colouring.
import { mongoOperators } from './mongoOperators';
import { sourceTokens } from './sourceTokens';

export interface OperatorKey {
  kind: 'stage' | 'operator';
  /** Offsets in UTF-16 units. */
  start: number;
  end: number;
}

/** As in the grammar: what is both, like `$set`, counts as an operator. */
const operators = new Set(mongoOperators.filter(({ kinds }) => kinds[0] !== 'stage').map(({ name }) => name));
const stages = new Set(mongoOperators.filter(({ kinds }) => kinds[0] === 'stage').map(({ name }) => name));

export function operatorKeys(text: string): OperatorKey[] {
  const tokens = sourceTokens(text, 'javascript').filter(({ type }) => type !== 'comment');
  return tokens.flatMap(({ type, text: name, start, end }, at) => {
    const kind = operators.has(name) ? 'operator' : stages.has(name) ? 'stage' : undefined;
    const isKey =
      type === 'name' && tokens[at + 1]?.text === ':' && /^[{,]$/.test(tokens[at - 1]?.text ?? '');
    return kind && isKey ? [{ kind, start, end }] : [];
  });
}
