// What can stand around an expression without changing what it is: casts, parentheses, `await`.
import type * as Babel from '@babel/types';

/** The expression inside; undefined where nothing stands around it. */
export function insideOf(node: Babel.Node): Babel.Node | undefined {
  switch (node.type) {
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'ParenthesizedExpression':
      return node.expression;
    case 'AwaitExpression':
      return node.argument;
    default:
      return undefined;
  }
}
