const batchSize = 1000;

/** "Steven Allan Spielberg" → Steven Allan, Spielberg; a single word is a first name. */
function splitName(name) {
  const space = name.lastIndexOf(' ');
  if (space < 0) return { first: name, last: '' };
  return { first: name.slice(0, space), last: name.slice(space + 1) };
}

/** @type {import('migratory').ScriptMigration} */
module.exports = {
  description: 'Customers can be greeted by their first name',

  async up(db, client, ctx) {
    const customers = db.collection('customers');
    // The filter matches only what is still to be done, so an interrupted run can simply start again.
    const cursor = customers.find({ name: { $type: 'string' } }, { projection: { name: 1 } });
    let operations = [];
    let changed = 0;
    const write = async () => {
      if (operations.length === 0) return;
      changed += (await customers.bulkWrite(operations, { ordered: false })).modifiedCount;
      operations = [];
    };
    for await (const { _id, name } of cursor) {
      // The old name stands in the filter too: a customer who is renamed meanwhile keeps the new one.
      operations.push({ updateOne: { filter: { _id, name }, update: { $set: { name: splitName(name) } } } });
      if (operations.length === batchSize) await write();
    }
    await write();
    ctx.log.info(`${changed} names split`);
  },

  async down(db) {
    // The way back needs no loop: an update pipeline puts the parts together on the server.
    await db
      .collection('customers')
      .updateMany({ 'name.first': { $exists: true } }, [
        { $set: { name: { $rtrim: { input: { $concat: ['$name.first', ' ', '$name.last'] } } } } },
      ]);
  },

  async validate(db) {
    return (await db.collection('customers').countDocuments({ name: { $type: 'string' } })) === 0;
  },
};
