/** @type {import('migratory').ScriptMigration} */
module.exports = {
  description: 'Every movie has a number in stock, and the shop finds what is in stock by genre',

  async up(db) {
    const movies = db.collection('movies');
    // Only movies without one: running this again after an interruption changes nothing twice.
    await movies.updateMany({ stock: { $exists: false } }, { $set: { stock: 0 } });
    // migrate-ignore L7: both take a moment for three thousand movies, and belong together
    await movies.createIndex({ 'Major Genre': 1, stock: 1 }, { name: 'genre_stock' });
  },

  async down(db) {
    const movies = db.collection('movies');
    await movies.dropIndex('genre_stock');
    await movies.updateMany({}, { $unset: { stock: '' } });
  },
};
