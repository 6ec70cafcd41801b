// The name and the text of a new migration. Nothing that a person typed becomes code: the description is only
// part of the file's name.

export type TemplateId = 'script-js' | 'script-ts' | 'transform-js' | 'transform-ts';

const extensions: Record<TemplateId, string> = {
  'script-js': 'js',
  'script-ts': 'ts',
  'transform-js': 'js',
  'transform-ts': 'ts',
};

/** `20240131174501-add-status.js`: UTC time and the description, as other tools name them too. */
export function newMigrationName(description: string, template: TemplateId, now: Date): string {
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14);
  return `${stamp}-${slug(description)}.${extensions[template]}`;
}

/** What of a description can stand in a file's name: letters, digits, dashes and underscores. */
export function slug(description: string): string {
  return description
    .trim()
    .replace(/[^\p{L}\p{N}_]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100);
}

export function newMigrationText(template: TemplateId, modules: 'esm' | 'commonjs'): string {
  const body = template.startsWith('script') ? script : transform;
  if (template.endsWith('-ts') || modules === 'esm') {
    return `import { defineMigration } from 'migratory';\n\nexport default defineMigration(${body});\n`;
  }
  return `/** @type {import('migratory').Migration} */\nmodule.exports = ${body};\n`;
}

const script = `{
  async up(db) {
    await db.collection('orders').updateMany({ status: { $exists: false } }, { $set: { status: 'open' } });
  },

  async down(db) {
    await db.collection('orders').updateMany({ status: 'open' }, { $unset: { status: '' } });
  },
}`;

const transform = `{
  source: 'orders',
  filter: { placedAt: { $type: 'string' } },

  // Called for every matching document, in resumable batches that are journaled first.
  transform(order) {
    return { $set: { placedAt: new Date(order.placedAt) } };
  },

  async validate(orders) {
    return (await orders.countDocuments({ placedAt: { $type: 'string' } })) === 0;
  },
}`;
