// Says what a value is, for messages about values that should be something else.

/** `an object`, `an empty array`, `the string "x"`, `5`, … Long strings and addresses are not quoted. */
export function describeType(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (value === '') return 'an empty string';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && value.length <= 40 && !value.includes('://')) {
    return `the string ${JSON.stringify(value)}`;
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
