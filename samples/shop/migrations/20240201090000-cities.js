// Three steps that belong together but can be run, and rolled back, one by one.

/** @type {import('migratory').Migration[]} */
module.exports = [
  {
    name: 'cities-by-country',
    description: 'The largest cities of a country are found without reading all of them',
    async up(db) {
      await db
        .collection('cities')
        .createIndex({ country: 1, population: -1 }, { name: 'country_population' });
    },
    async down(db) {
      await db.collection('cities').dropIndex('country_population');
    },
  },

  {
    name: 'cities-nearby',
    description: 'Customers find the next city with a shop',
    async up(db) {
      await db.collection('cities').createIndex({ loc: '2dsphere' }, { name: 'loc_2dsphere' });
    },
    async down(db) {
      await db.collection('cities').dropIndex('loc_2dsphere');
    },
  },

  {
    name: 'cities-size',
    description: 'Delivery fees depend on the size of a city',
    // An update pipeline as a transform: it runs on the server, and Migratory does it in batches that can be
    // paused, resumed and rolled back.
    source: 'cities',
    filter: { size: { $exists: false } },
    update: [
      {
        $set: {
          size: {
            $switch: {
              branches: [
                { case: { $gte: ['$population', 1_000_000] }, then: 'metropolis' },
                { case: { $gte: ['$population', 100_000] }, then: 'city' },
                { case: { $gte: ['$population', 5_000] }, then: 'town' },
              ],
              default: 'village',
            },
          },
        },
      },
    ],
    revertPipeline: [{ $unset: 'size' }],
  },
];
