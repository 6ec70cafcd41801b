// This one fails half-way, on purpose: the movies have a rating that its table does not know. Run it to see how a
// failure is shown, with its file and line, and what becomes of the part that was done.

const ageLimits = { G: 0, PG: 6, 'PG-13': 13, R: 17, 'NC-17': 18, 'Not Rated': 18 };

function ageLimitOf(rating) {
  const limit = ageLimits[rating];
  if (limit === undefined) throw new RangeError(`No age limit is known for the rating "${rating}"`);
  return limit;
}

/** @type {import('migratory').ScriptMigration} */
module.exports = {
  description: 'Movies carry the age from which they may be sold',

  async up(db) {
    const movies = db.collection('movies');
    const ratings = await movies.distinct('MPAA Rating', { 'MPAA Rating': { $ne: null } });
    for (const rating of ratings.sort()) {
      await movies.updateMany({ 'MPAA Rating': rating }, { $set: { ageLimit: ageLimitOf(rating) } });
    }
  },

  async down(db) {
    await db.collection('movies').updateMany({}, { $unset: { ageLimit: '' } });
  },
};
