// The migration that two runners fight for: applied twice it would be seen.
import type { Migration } from '../../../src/migration/kinds';

export const total = 200;

export const migrations = (): Migration[] => [
  { source: 'rows', transform: (doc) => ({ $set: { x: Number(doc['x']) + 100 } }) },
];
