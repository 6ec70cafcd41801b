// The text of a squashed migration: plain commands that make of an empty database what the old ones have made.
import type { Document } from 'mongodb';
import { literal as quoted } from '../../migration/templates';
import { Literals } from './literal';
import type { CollectionShape } from './shape';

export interface SquashedFile {
  /** TypeScript gets a type for its parameter. */
  typescript: boolean;
  moduleSystem: 'commonjs' | 'esm';
  /** Names of the migrations that it stands for. */
  replaces: string[];
  /** Names of collections that are no data: the ledger, a lock. */
  ledgers: string[];
}

export function renderSquashed(collections: CollectionShape[], file: SquashedFile): string {
  const literals = new Literals();
  const { typescript, replaces } = file;
  // Without it the compiler wants every `_id` to be an ObjectId.
  const type = typescript ? '<Document & { _id: unknown }>' : '';
  const work = collections.flatMap((shape) => ['', ...makeCollection(shape, literals, type)]);
  const esm = file.moduleSystem === 'esm';
  const has = (what: 'documents' | 'indexes'): boolean => collections.some((shape) => shape[what].length > 0);
  const mixed = has('documents') && has('indexes');
  const own = ['_migratory_', 'system\\.', ...file.ledgers.map((name) => `${escaped(name)}$`)].join('|');
  const lines = [
    `// What ${replaces.length} migrations make of an empty database, written by \`migratory squash\`. A database in which all of`,
    '// them are applied counts this one as applied too.',
    ...imports([...literals.classes].sort(), {
      typescript,
      esm,
      documents: has('documents'),
    }),
    '',
    `${esm ? 'export default' : 'module.exports ='} {`,
    '  replaces: [',
    ...replaces.map((name) => `    ${quoted(name)},`),
    '  ],',
    `  irreversible: 'It stands for ${replaces.length} migrations.',`,
    ...(mixed ? ['  // migrate-ignore L7: the database is new, and a failure leaves nothing of it'] : []),
    `  async up(db${typescript ? ': Db' : ''}) {`,
    '    const there = await db.listCollections({}, { nameOnly: true }).toArray();',
    `    const data = there.filter(({ name }) => !/^(?:${own})/.test(name)).map(({ name }) => name);`,
    '    if (data.length > 0) {',
    '      throw new Error(',
    `        \`This migration makes a new database, and this one holds \${data.join(', ')} already. If all is there that it \` +`,
    `          'stands for, mark it as applied.',`,
    '      );',
    '    }',
    ...work.map((line) => (line === '' ? '' : `    ${line}`)),
    '  },',
    '};',
    '',
  ];
  return lines.join('\n');
}

function imports(
  classes: string[],
  { typescript, esm, documents }: { typescript: boolean; esm: boolean; documents: boolean },
): string[] {
  const names = [
    ...(typescript ? ['type Db'] : []),
    ...(documents && typescript ? ['type Document'] : []),
    ...classes,
  ];
  if (names.length === 0) return [];
  const list = `{ ${names.join(', ')} }`;
  return esm ? [`import ${list} from 'mongodb';`] : [`const ${list} = require('mongodb');`];
}

const indent = 4;

function makeCollection(shape: CollectionShape, literals: Literals, type: string): string[] {
  const { name, options, indexes, documents, invalid } = shape;
  const created =
    Object.keys(options).length === 0
      ? `await db.createCollection(${quoted(name)});`
      : `await db.command(${literals.write({ create: name, ...portable(options) }, indent)});`;
  const lines = [created];
  if (documents.length > 0) {
    const rows = literals.write(documents, indent);
    lines.push(
      `await db.collection${type}(${quoted(name)}).insertMany(${rows}${invalid ? ', { bypassDocumentValidation: true }' : ''});`,
    );
  }
  if (indexes.length > 0) {
    const wanted = indexes.map(({ ns: _ns, v: _v, ...spec }): Document => portable(spec));
    lines.push(`await db.command(${literals.write({ createIndexes: name, indexes: wanted }, indent)});`);
  }
  return lines;
}

/** Without what one version of the server alone would take. */
function portable(options: Document): Document {
  const collation = options['collation'] as Document | undefined;
  if (!collation) return options;
  const { version: _version, ...rest } = collation;
  return { ...options, collation: rest };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&');
}
