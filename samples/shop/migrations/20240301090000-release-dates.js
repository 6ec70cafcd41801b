/** @type {import('migratory').TransformMigration} */
module.exports = {
  description: 'Release dates are dates and no longer text, so that they can be compared and sorted',

  source: 'movies',
  filter: { 'Release Date': { $type: 'string' } },
  // Indexes without which the run should not even start. Batches follow _id, which is always indexed.
  requiredIndexes: [{ _id: 1 }],

  // "Jun 12 1998". Called for each movie, in batches that are journaled first: the way back needs no code.
  transform(movie) {
    const date = new Date(`${movie['Release Date']} UTC`);
    if (Number.isNaN(date.getTime())) throw new Error(`"${movie['Release Date']}" is no date`);
    return { $set: { 'Release Date': date } };
  },

  // A movie that fails is set aside with the reason; the others go on.
  onError: 'quarantine',

  async validate(movies) {
    const texts = await movies.countDocuments({ 'Release Date': { $type: 'string' } });
    const tooOld = await movies.countDocuments({ 'Release Date': { $lt: new Date('1888-01-01') } });
    return [
      { check: 'No release date is text', passed: texts === 0, details: `${texts} are` },
      { check: 'No movie is older than film', passed: tooOld === 0, details: `${tooOld} are` },
    ];
  },
};
