/** @type {import('migratory').ScriptMigration} */
module.exports = {
  description: 'Nobody buys DVDs any more',

  // There is no `down`: what is removed here cannot be made up again.
  irreversible: 'The sales figures are not kept anywhere else',

  async up(db) {
    await db
      .collection('movies')
      .updateMany({ 'US DVD Sales': { $exists: true } }, { $unset: { 'US DVD Sales': '' } });
  },
};
