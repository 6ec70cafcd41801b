// What `init` and `create` write: files with the keys, values and shape that users of migrate-mongo know.
type ModuleSystem = 'commonjs' | 'esm';

const settings = `{
  mongodb: {
    // Where the server is. process.env.MONGODB_URL keeps a password out of version control.
    url: "mongodb://localhost:27017",

    // The database to migrate.
    databaseName: "YOURDATABASENAME",

    // Options for the driver's MongoClient.
    options: {}
  },

  // The folder of the migrations, relative to where the program is started.
  migrationsDir: "migrations",

  // The collection that remembers what is applied.
  changelogCollectionName: "changelog",

  // The collection of the lock, and how many seconds a lock may be old; 0 = no lock.
  lockCollectionName: "changelog_lock",
  lockTtl: 0,

  // Files with this extension are migrations.
  migrationFileExtension: ".js",

  // Compare the content of files too: a migration whose file has changed is pending again.
  useFileHash: false,

  // How new migrations export their functions: 'commonjs' or 'esm'.
  moduleSystem: 'MODULE_SYSTEM',
}`;

export function sampleConfig(moduleSystem: ModuleSystem): string {
  const text = `const config = ${settings.replace('MODULE_SYSTEM', moduleSystem)};`;
  return `${text}\n\n${moduleSystem === 'esm' ? 'export default config;' : 'module.exports = config;'}\n`;
}

const types = `/**
 * @param db {import('mongodb').Db}
 * @param client {import('mongodb').MongoClient}
 * @returns {Promise<void>}
 */`;
const forward = `// await db.collection('albums').updateMany({ year: { $type: 'string' } }, [{ $set: { year: { $toInt: '$year' } } }]);`;
const backward = `// await db.collection('albums').updateMany({ year: { $type: 'int' } }, [{ $set: { year: { $toString: '$year' } } }]);`;

export function sampleMigration(moduleSystem: ModuleSystem): string {
  if (moduleSystem === 'esm') {
    return `${types}
export const up = async (db, client) => {
  ${forward}
};

${types}
export const down = async (db, client) => {
  ${backward}
};
`;
  }
  const inside = types.replaceAll('\n', '\n  ');
  return `module.exports = {
  ${inside}
  async up(db, client) {
    ${forward}
  },

  ${inside}
  async down(db, client) {
    ${backward}
  }
};
`;
}
