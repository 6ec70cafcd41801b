// Each rule against code that it must find and code that it must not: besides the examples of the pages the other ways to
// write the same, and what looks like it and is fine. `«…»` marks what is underlined.
import assert from 'node:assert/strict';
import type { LintContext } from '../../../src/migration/lint/finding';
import { lintSource } from '../../../src/migration/lint/lint';
import type { LintRuleId } from '../../../src/migration/lint/rules';

interface Case {
  rule: LintRuleId;
  says: string;
  /** The body of `up` when it is no whole file. */
  code: string;
  context?: LintContext;
  file?: string;
}

const inUp = (code: string): string =>
  /module\.exports|export |exports\.|def /.test(code)
    ? code
    : `module.exports = { async up(db, client, ctx) {\n${code}\n}, async down() {} };`;
const withDown = (up: string, down: string): string =>
  `module.exports = { async up(db) { ${up} }, async down(db) { ${down} } };`;

const found: Case[] = [
  {
    rule: 'L1',
    says: 'exports.up alone',
    code: '«exports.up = async (db)» => { await db.command({ ping: 1 }); };',
  },
  { rule: 'L1', says: 'down: null', code: 'module.exports = { «async up(db)» {}, down: null };' },
  {
    rule: 'L1',
    says: 'a transform without a journal',
    code: `module.exports = { source: 'a', backup: «'none'», transform: () => ({ $set: { a: 1 } }) };`,
  },
  {
    rule: 'L2',
    says: 'a field that up does not write',
    code: withDown(
      `await db.collection('a').updateMany({ x: 1 }, { $set: { y: 1 } });`,
      `await db.collection('a').updateMany({ x: 1 }, { $unset: { «x»: '' } });`,
    ),
  },
  {
    rule: 'L2',
    says: 'all documents for the few that up has inserted',
    code: withDown(
      `await db.collection('a').updateMany({ x: 1 }, { $set: { y: 1 } });`,
      `await db.collection('a').«deleteMany»({});`,
    ),
  },
  {
    rule: 'L3',
    says: 'a filter by name',
    code: `const all = {}; await db.collection('a').updateMany(«all», { $set: { x: 1 } });`,
  },
  { rule: 'L3', says: 'no filter at all', code: `await db.collection('a').«deleteMany»();` },
  {
    rule: 'L3',
    says: 'a bulkWrite',
    code: `await db.collection('a').bulkWrite([{ updateMany: { filter: «{}», update: { $set: { x: 1 } } } }]);`,
  },
  {
    rule: 'L3',
    says: 'a command',
    code: `await db.command({ delete: 'a', deletes: [{ q: «{}», limit: 0 }] });`,
  },
  {
    rule: 'L3',
    says: 'a helper of the file',
    code: `const mark = (rows) => rows.updateMany(«{}», { $set: { x: 1 } });\nexports.up = (db) => mark(db.collection('a'));\nexports.down = () => {};`,
  },
  {
    rule: 'L3',
    says: 'a model of Mongoose',
    code: `const { Movie } = require('../models'); exports.up = () => Movie.updateMany(«{}», { $set: { x: 1 } }); exports.down = () => {};`,
  },
  {
    rule: 'L3',
    says: 'TypeScript',
    code: `export const up = async (db: Db): Promise<void> => { await db.collection<Order>('a').updateMany(«{}» as Filter<Order>, { $set: { x: 1 } }); };\nexport const down = () => {};`,
    file: 'a.ts',
  },
  {
    rule: 'L4',
    says: 'updateOne by _id',
    code: `await db.collection('a').updateOne({ _id: 1 }, { «$inc»: { n: 1 } });`,
  },
  {
    rule: 'L4',
    says: 'findOneAndUpdate',
    code: `await db.collection('a').findOneAndUpdate({ x: 1 }, { «$push»: { list: 1 } });`,
  },
  {
    rule: 'L5',
    says: '$each',
    code: `await db.collection('a').updateOne({ _id: 1 }, { $addToSet: { «list»: { $each: [{ a: 1, b: 2 }] } } });`,
  },
  {
    rule: 'L5',
    says: '$pull with an object inside',
    code: `await db.collection('a').updateOne({ _id: 1 }, { $pull: { «list»: { size: { h: 1, w: 2 } } } });`,
  },
  { rule: 'L6', says: 'a command', code: `await db.command({ «drop»: 'a' });` },
  { rule: 'L6', says: 'dropCollection', code: `await db.«dropCollection»('a');` },
  { rule: 'L6', says: 'the database', code: `await db.«dropDatabase»();` },
  { rule: 'L6', says: 'all indexes', code: `const a = db.collection('a'); await a.«dropIndexes»();` },
  {
    rule: 'L7',
    says: 'createIndexes beside a helper of ctx',
    code: `await ctx.batch('a', {}, () => ({ $set: { x: 1 } })); await db.collection('a').createIndexes([«{ key: { x: 1 } }»]);`,
  },
  { rule: 'L8', says: 'db.createIndex', code: `await db.createIndex('a', { x: 1 }, { «unique»: true });` },
  {
    rule: 'L8',
    says: 'options by name',
    code: `const options = { unique: true }; await db.collection('a').createIndex({ x: 1 }, options);`,
  },
  {
    rule: 'L9',
    says: 'collMod',
    code: `await db.command({ collMod: 'a', index: { name: 'x_1', «expireAfterSeconds»: 60 } });`,
  },
  { rule: 'L10', says: 'a collection', code: `await db.collection('a').«rename»('b');` },
  { rule: 'L10', says: 'db.renameCollection', code: `await db.«renameCollection»('a', 'b');` },
  {
    rule: 'L11',
    says: '$out over what the database has',
    code: `await db.collection('a').aggregate([{ «$out»: 'b' }]).toArray();`,
    context: { collections: ['b'] },
  },
  {
    rule: 'L11',
    says: '$merge into the source',
    code: `await db.collection('a').aggregate([{ «$merge»: { into: 'a', whenMatched: 'merge', whenNotMatched: 'fail' } }]).toArray();`,
  },
  {
    rule: 'L12',
    says: 'a collection alone',
    code: `await db.collection('a').aggregate([{ «$merge»: 'b' }]).toArray();`,
  },
  {
    rule: 'L12',
    says: 'a pipeline migration',
    code: `module.exports = { source: 'a', pipeline: [], into: «'b'» };`,
  },
  {
    rule: 'L13',
    says: 'transaction: true',
    code: `module.exports = { transaction: true, async up(db) { await db.collection('a').«deleteMany»({}); }, irreversible: 'gone' };`,
  },
  {
    rule: 'L13',
    says: 'a cursor with a name',
    code: `await client.withSession((s) => s.withTransaction(async () => { const all = db.collection('a').«find»(); for await (const one of all) await db.collection('b').insertOne(one); }));`,
  },
  {
    rule: 'L13',
    says: 'forEach of a cursor',
    code: `await client.withSession((s) => s.withTransaction(async () => { await db.collection('a').«find»({}).forEach(() => {}); }));`,
  },
  {
    rule: 'L16',
    says: 'a transaction that the write is no part of',
    code: `const a = db.collection('a'); await s.withTransaction(async () => { await a.find({ x: 1 }).forEach(async (one) => { await a.«updateOne»({ _id: one._id }, { $set: { y: one.x } }); }); });`,
  },
  {
    rule: 'L14',
    says: 'forEach with an async function',
    code: `[1, 2].«forEach»(async (n) => { await db.collection('a').deleteOne({ _id: n }); });`,
  },
  {
    rule: 'L14',
    says: 'promises put aside in a loop',
    code: `const all = []; for await (const one of db.collection('a').find({ x: 1 })) all.«push»(db.collection('b').insertOne(one)); await Promise.all(all);`,
  },
  {
    rule: 'L14',
    says: 'Promise.all over a collection',
    code: `const rows = await db.collection('a').find().toArray(); await Promise.all(rows.«map»((row) => db.collection('a').updateOne({ _id: row._id }, { $set: { x: 1 } })));`,
  },
  {
    rule: 'L14',
    says: 'an aggregation that nobody reads',
    code: `await db.collection('a').«aggregate»([{ $match: { x: 1 } }, { $out: 'b' }]);`,
  },
  { rule: 'L14', says: 'a helper of ctx', code: `ctx.«batch»('a', {}, () => ({ $set: { x: 1 } }));` },
  { rule: 'L14', says: 'a variable', code: `const rows = db.collection('a'); rows.«insertOne»({ _id: 1 });` },
  {
    rule: 'L15',
    says: 'steps between',
    code: `const rows = await db.collection('a').find({}).sort({ x: 1 }).project({ x: 1 }).«toArray»();`,
  },
  {
    rule: 'L15',
    says: 'an aggregation that keeps every document',
    code: `await db.collection('a').aggregate([{ $project: { x: 1 } }]).«toArray»();`,
  },
  {
    rule: 'L16',
    says: 'a bulkWrite that is put together',
    code: `const ops = []; for await (const one of db.collection('a').find({ x: 1 })) ops.push({ «updateOne»: { filter: { _id: one._id }, update: { $set: { y: one.x + 1 } } } }); await db.collection('a').bulkWrite(ops);`,
  },
  {
    rule: 'L16',
    says: 'a value computed on the way',
    code: `const a = db.collection('a'); for await (const one of a.find({ x: 1 })) { const y = one.x * 2; await a.«updateOne»({ _id: one._id }, { $set: { y } }); }`,
  },
  {
    rule: 'L16',
    says: 'a whole replacement',
    code: `const a = db.collection('a'); for await (const one of a.find({ x: 1 })) await a.«replaceOne»({ _id: one._id }, { ...one, y: 1 });`,
  },
  {
    rule: 'L17',
    says: 'a constant',
    code: `const now = «new Date()»; await db.collection('a').updateMany({ x: 1 }, { $set: { now } });`,
  },
  {
    rule: 'L17',
    says: 'a transform',
    code: `module.exports = { source: 'a', transform: () => ({ $set: { id: «Math.random()» } }) };`,
  },
  { rule: 'L17', says: 'an id', code: `await db.collection('a').insertMany([{ _id: «new ObjectId()» }]);` },
  {
    rule: 'L18',
    says: 'an option of a write',
    code: `await db.collection('a').insertOne({ _id: 1 }, { writeConcern: { «w»: 0 } });`,
  },
  {
    rule: 'L18',
    says: 'reads from a secondary',
    code: `for await (const one of db.collection('a').find({ x: 1 }, { «readPreference»: 'secondary' })) await db.collection('b').insertOne(one);`,
  },
  { rule: 'L19', says: 'the level', code: `await db.command({ collMod: 'a', «validationLevel»: 'off' });` },
  {
    rule: 'L20',
    says: '$function in a stage',
    code: `module.exports = { source: 'a', filter: { x: 1 }, update: [{ $set: { y: { «$function»: { body: 'function () { return 1 }', args: [], lang: 'js' } } } }] };`,
  },
  {
    rule: 'L20',
    says: 'mapReduce',
    code: `await db.command({ «mapReduce»: 'a', map: 'function () {}', reduce: 'function () {}', out: 'b' });`,
  },
  {
    rule: 'L21',
    says: 'a stage',
    code: `await db.collection('a').aggregate([{ «$densify»: { field: 'x', range: { step: 1, bounds: 'full' } } }]).forEach(() => {});`,
    context: { serverVersion: '5.0.3' },
  },
  {
    rule: 'L21',
    says: 'a stage inside of another one',
    code: `await db.collection('a').aggregate([{ $lookup: { from: 'b', as: 'c', pipeline: [{ «$fill»: { output: {} } }] } }, { $limit: 1 }]).toArray();`,
    context: { serverVersion: '5.0.3' },
  },
  {
    rule: 'L21',
    says: 'an update pipeline',
    code: `await db.collection('a').updateMany({ x: 1 }, «[{ $addFields: { x: 2 } }]»);`,
    context: { serverVersion: '4.0.28' },
  },
  {
    rule: 'L22',
    says: '$out into another database',
    code: `await db.collection('a').aggregate([{ $out: { db: «'other'», coll: 'b' } }]).toArray();`,
  },
  {
    rule: 'L23',
    says: 'a dot in a stored name',
    code: `await db.collection('a').insertOne({ «'a.b'»: 1 });`,
  },
  {
    rule: 'L23',
    says: 'a dollar in a path',
    code: `await db.collection('a').updateOne({ x: 1 }, { $set: { «'a.$ref'»: 1 } });`,
  },
  {
    rule: 'L24',
    says: 'by the file’s name',
    code: `«exports.up = () => {};»\nexports.down = () => {};`,
    file: 'old.js',
    context: { changed: new Set(['old.js']) },
  },
  {
    rule: 'L25',
    says: 'two files of one version',
    code: `«exports.up = () => {};»\nexports.down = () => {};`,
    file: '20240101-b.js',
    context: { files: ['20240101-a.js', '20240101-b.js'] },
  },
  {
    rule: 'L25',
    says: 'out of order',
    code: `«exports.up = () => {};»\nexports.down = () => {};`,
    file: 'late.js',
    context: { outOfOrder: new Set(['late.js']) },
  },
  {
    rule: 'L26',
    says: 'the schema of the database',
    code: `await db.collection('a').updateMany({ x: 1 }, { $set: { 'price.net': «5» } });`,
    context: {
      schemas: {
        a: { properties: { price: { bsonType: 'object', properties: { net: { bsonType: 'double' } } } } },
      },
    },
  },
  {
    rule: 'L26',
    says: 'a fraction where an int is wanted',
    code: `await db.collection('a').insertOne({ n: «1.5» });`,
    context: { schemas: { a: { properties: { n: { bsonType: ['int', 'long'] } } } } },
  },
  // Python.
  { rule: 'L1', says: 'Python without down', code: '«def up(db):»\n    pass\n', file: 'a.py' },
  {
    rule: 'L1',
    says: 'Python that also writes by itself',
    code: '«def up(db, client, ctx):»\n    ctx.convert("a", {"x": "int"})\n    db.b.drop()\n',
    file: 'a.py',
  },
  {
    rule: 'L3',
    says: 'Python',
    code: 'def up(db):\n    db.a.«update_many»({}, {"$set": {"x": 1}})\n\ndef down(db):\n    pass\n',
    file: 'a.py',
  },
  {
    rule: 'L6',
    says: 'Python',
    code: 'def up(db):\n    db["a"].«drop»()\n\ndef down(db):\n    pass\n',
    file: 'a.py',
  },
  {
    rule: 'L15',
    says: 'Python',
    code: 'def up(db):\n    for x in list(db.a.«find»()):\n        pass\n\ndef down(db):\n    pass\n',
    file: 'a.py',
  },
];

const clean: Case[] = [
  {
    rule: 'L1',
    says: 'Python with nothing but helpers of ctx',
    code: 'def up(db, client, ctx):\n    if db.a.find_one():\n        ctx.convert("a", {"x": "int"})\n',
    file: 'a.py',
  },
  {
    rule: 'L1',
    says: 'down by name',
    code: 'const down = () => {}; const up = () => {}; module.exports = { up, down };',
  },
  { rule: 'L1', says: 'irreversible', code: `module.exports = { up() {}, irreversible: 'why' };` },
  {
    rule: 'L1',
    says: 'what a spread may bring',
    code: 'module.exports = { ...require("./base"), up() {} };',
  },
  {
    rule: 'L1',
    says: 'a transform with its journal',
    code: `module.exports = { source: 'a', filter: { x: 1 }, update: [{ $set: { x: 2 } }] };`,
  },
  {
    rule: 'L1',
    says: 'work of the kernel alone',
    code: `exports.up = (db, client, ctx) => ctx.convert('a', { at: 'date' });`,
  },
  {
    rule: 'L12',
    says: 'whenMatched alone',
    code: `await db.collection('a').aggregate([{ $merge: { into: 'b', whenMatched: 'replace' } }]).toArray();`,
  },
  {
    rule: 'L2',
    says: 'a collection that up makes',
    code: withDown(`await db.createCollection('a');`, `await db.collection('a').drop();`),
  },
  {
    rule: 'L2',
    says: 'what up does cannot be read',
    code: withDown(
      `await db.collection('a').updateMany({ x: 1 }, build());`,
      `await db.collection('a').updateMany({ x: 2 }, { $unset: { x: '' } });`,
    ),
  },
  {
    rule: 'L2',
    says: 'the field under which a sub-field was set',
    code: withDown(
      `await db.collection('a').updateMany({ x: 1 }, { $set: { 'y.z': 1 } });`,
      `await db.collection('a').updateMany({ x: 1 }, { $unset: { y: '' } });`,
    ),
  },
  {
    rule: 'L3',
    says: 'a filter that is put together',
    code: `const filter = {}; if (ctx.args.country) filter.country = ctx.args.country; await db.collection('a').updateMany(filter, { $set: { x: 1 } });`,
  },
  {
    rule: 'L3',
    says: 'a filter from elsewhere',
    code: `const { filter } = require('./shared'); exports.up = (db) => db.collection('a').updateMany(filter, { $set: { x: 1 } }); exports.down = () => {};`,
  },
  {
    rule: 'L3',
    says: '$unset of all',
    code: `await db.collection('a').updateMany({}, { $unset: { x: '' } });`,
  },
  {
    rule: 'L3',
    says: 'a transform without a filter',
    code: `module.exports = { source: 'a', transform: () => ({ $set: { x: 1 } }) };`,
  },
  {
    rule: 'L3',
    says: 'something that is no collection',
    code: `const cache = new Map(); cache.clear({}); await ctx.batch('a', {}, () => ({ $set: { x: 1 } }));`,
  },
  {
    rule: 'L4',
    says: 'a filter by the field itself',
    code: `await db.collection('a').updateMany({ list: { $ne: 1 } }, { $push: { list: 1 } });`,
  },
  {
    rule: 'L4',
    says: 'transaction: true',
    code: `module.exports = { transaction: true, up: (db) => db.collection('a').updateOne({ _id: 1 }, { $inc: { n: 1 } }), irreversible: 'x' };`,
  },
  {
    rule: 'L4',
    says: 'a transform',
    code: `module.exports = { source: 'a', transform: () => ({ $inc: { n: 1 } }) };`,
  },
  {
    rule: 'L4',
    says: '$or with the field',
    code: `await db.collection('a').updateMany({ $or: [{ n: 1 }, { n: { $exists: false } }] }, { $inc: { n: 1 } });`,
  },
  {
    rule: 'L5',
    says: 'plain values',
    code: `await db.collection('a').updateOne({ _id: 1 }, { $addToSet: { list: 'x' } });`,
  },
  {
    rule: 'L5',
    says: '$pull with conditions',
    code: `await db.collection('a').updateOne({ _id: 1 }, { $pull: { list: { a: 1, b: { $gt: 2, $lt: 5 } } } });`,
  },
  {
    rule: 'L6',
    says: 'a temporary collection',
    code: `await db.collection('a').aggregate([{ $match: { x: 1 } }, { $out: 'b' }]).toArray(); await db.collection('b').drop();`,
  },
  { rule: 'L6', says: 'one index', code: `await db.collection('a').dropIndex('x_1');` },
  {
    rule: 'L6',
    says: 'a drop that is no collection’s',
    code: `const list = require('./list'); exports.up = () => list.drop(1); exports.down = () => {};`,
  },
  {
    rule: 'L7',
    says: 'the index of a new collection',
    code: `const a = await db.createCollection('a'); await a.createIndex({ x: 1 }); await a.insertOne({ _id: 1 });`,
  },
  {
    rule: 'L8',
    says: 'duplicates are deleted first',
    code: `await db.collection('a').deleteMany({ twice: true }); await db.collection('a').createIndex({ x: 1 }, { unique: true });`,
  },
  {
    rule: 'L8',
    says: 'unique: false',
    code: `await db.collection('a').createIndex({ x: 1 }, { unique: false });`,
  },
  {
    rule: 'L9',
    says: 'a new collection',
    code: `await db.createCollection('a'); await db.collection('a').createIndex({ x: 1 }, { expireAfterSeconds: 1 });`,
  },
  {
    rule: 'L10',
    says: 'a swap of what was just made',
    code: `await db.collection('a').aggregate([{ $match: { x: 1 } }, { $out: 'b' }]).toArray(); await db.collection('b').rename('c');`,
  },
  {
    rule: 'L11',
    says: '$out into a new collection',
    code: `await db.collection('a').aggregate([{ $out: 'b' }]).toArray();`,
    context: { collections: ['a'] },
  },
  {
    rule: 'L12',
    says: 'options that cannot be read',
    code: `await db.collection('a').aggregate([{ $merge: mergeOptions }]).toArray();`,
  },
  {
    rule: 'L13',
    says: 'a cursor with a bound',
    code: `await client.withSession((s) => s.withTransaction(async () => { for await (const one of db.collection('a').find().limit(10)) await db.collection('b').insertOne(one); }));`,
  },
  {
    rule: 'L13',
    says: 'the same work outside',
    code: `for await (const one of db.collection('a').find()) await db.collection('b').insertOne(one);`,
  },
  {
    rule: 'L14',
    says: 'returned, kept, or let go on purpose',
    code: `const first = db.collection('a').insertOne({ _id: 1 }); void db.collection('a').insertOne({ _id: 2 }); await first; return db.collection('a').insertOne({ _id: 3 });`,
  },
  {
    rule: 'L14',
    says: 'a list with a fixed length',
    code: `await Promise.all(['a', 'b'].map((name) => db.collection(name).deleteOne({ _id: 1 })));`,
  },
  {
    rule: 'L14',
    says: 'a loop that waits now and then',
    code: `let all = []; for await (const one of db.collection('a').find({ x: 1 })) { all.push(db.collection('b').insertOne(one)); if (all.length > 99) { await Promise.all(all); all = []; } } await Promise.all(all);`,
  },
  { rule: 'L14', says: 'catch', code: `await db.collection('a').dropIndex('x').catch(() => {});` },
  {
    rule: 'L15',
    says: 'a filter',
    code: `await db.collection('a').find({ _id: { $in: [1, 2] } }).toArray();`,
  },
  {
    rule: 'L15',
    says: 'a limit',
    code: `await db.collection('a').find().limit(5).toArray(); await db.collection('a').find({}, { limit: 5 }).toArray();`,
  },
  { rule: 'L15', says: 'listCollections', code: `await db.listCollections().toArray();` },
  {
    rule: 'L15',
    says: 'groups',
    code: `await db.collection('a').aggregate([{ $group: { _id: '$x' } }]).toArray();`,
  },
  {
    rule: 'L16',
    says: 'the same value for all',
    code: `const a = db.collection('a'); for await (const one of a.find({ x: 1 })) await a.updateOne({ _id: one._id }, { $set: { seen: true } });`,
  },
  {
    rule: 'L16',
    says: 'into another collection by a key of its own',
    code: `for await (const one of db.collection('a').find({ x: 1 })) await db.collection('b').updateOne({ a: one._id }, { $set: { n: one.n } }, { upsert: true });`,
  },
  {
    rule: 'L16',
    says: 'within a transaction',
    code: `const a = db.collection('a'); await client.withSession((session) => session.withTransaction(async () => { for await (const one of a.find({ x: 1 }, { session })) await a.updateOne({ _id: one._id }, { $set: { y: one.x } }, { session }); }));`,
  },
  {
    rule: 'L17',
    says: 'a clock for the log',
    code: `const started = Date.now(); await db.collection('a').updateOne({ _id: 1 }, { $set: { x: 1 } }); ctx.log.info(String(Date.now() - started));`,
  },
  {
    rule: 'L17',
    says: 'a date that stands there',
    code: `await db.collection('a').updateMany({ x: 1 }, { $set: { at: new Date('2024-01-01') } });`,
  },
  {
    rule: 'L17',
    says: 'a date out of the document',
    code: `module.exports = { source: 'a', transform: (one) => ({ $set: { at: new Date(one.at) } }) };`,
  },
  {
    rule: 'L18',
    says: 'a field called w',
    code: `await db.collection('a').updateMany({ x: 1 }, { $set: { w: 1 } }); await db.collection('a').find({ w: 1, x: 2 }).toArray(); await db.collection('a').insertOne({ _id: 1, w: 0 });`,
  },
  {
    rule: 'L18',
    says: 'two members',
    code: `await db.collection('a').insertOne({ _id: 1 }, { writeConcern: { w: 2 } });`,
  },
  { rule: 'L19', says: 'moderate', code: `await db.command({ collMod: 'a', validationLevel: 'moderate' });` },
  {
    rule: 'L20',
    says: 'strings that name it',
    code: `ctx.log.info('no $where here'); await db.collection('a').updateMany({ text: '$where' }, { $set: { x: 1 } });`,
  },
  {
    rule: 'L21',
    says: 'a server that is new enough',
    code: `await db.collection('a').aggregate([{ $densify: { field: 'x', range: { step: 1, bounds: 'full' } } }]).forEach(() => {});`,
    context: { serverVersion: '6.0.1' },
  },
  {
    rule: 'L21',
    says: 'no server',
    code: `await db.collection('a').aggregate([{ $densify: { field: 'x', range: { step: 1, bounds: 'full' } } }]).forEach(() => {});`,
  },
  {
    rule: 'L22',
    says: 'the database of the connection, and the server’s own',
    code: `await client.db('shop').collection('a').deleteOne({ _id: 1 }); await client.db('admin').command({ ping: 1 }); client.db(ctx.args.database);`,
    context: { database: 'shop' },
  },
  {
    rule: 'L23',
    says: 'positional operators',
    code: `await db.collection('a').updateOne({ 'list.x': 1 }, { $set: { 'list.$.y': 1, 'list.$[].z': 1, 'list.$[one].z': 1, 2024: 1 } });`,
  },
  {
    rule: 'L24',
    says: 'another migration',
    code: `exports.up = () => {}; exports.down = () => {};`,
    file: 'new.js',
    context: { changed: new Set(['old.js']) },
  },
  {
    rule: 'L25',
    says: 'dates that share a year',
    code: `exports.up = () => {}; exports.down = () => {};`,
    file: '2024-01-02-b.js',
    context: { files: ['2024-01-01-a.js', '2024-01-02-b.js'] },
  },
  {
    rule: 'L26',
    says: 'the wanted type',
    code: `await db.collection('a').insertMany([{ n: 5 }, { n: '5' }, { m: 1.5 }]);`,
    context: {
      schemas: { a: { properties: { n: { bsonType: ['int', 'string'] }, m: { bsonType: 'number' } } } },
    },
  },
  {
    rule: 'L3',
    says: 'Python with a filter',
    code: 'def up(db):\n    db.a.update_many({"x": 1}, {"$set": {"x": 2}})\n    db.a.update_many({}, {"$unset": {"y": ""}})\n\ndef down(db):\n    db.a.delete_many({})\n',
    file: 'a.py',
  },
  {
    rule: 'L6',
    says: 'Python in down, and other drops',
    code: 'def up(db):\n    frame = frame.drop()\n\ndef down(db):\n    db.a.drop()\n',
    file: 'a.py',
  },
];

const run = ({ rule, code, file = 'a.js', context }: Case): { text: string; ranges: string[] } => {
  const text = inUp(code).replaceAll(/[«»]/g, '');
  const findings = lintSource(text, file, context).filter((finding) => finding.rule === rule);
  for (const { message, action } of findings) {
    assert.match(message, /^\S.*\.$/s);
    assert.match(action, /^\S.*[.?]$/s);
  }
  return { text, ranges: findings.map(({ start, end }) => text.slice(start, end)) };
};

describe('lint', () => {
  for (const one of found) {
    it(`${one.rule} finds: ${one.says}`, () => {
      const marked = [...one.code.matchAll(/«(.*?)»/gs)].map(([, text]) => text ?? '');
      const { ranges } = run(one);
      assert.ok(ranges.length > 0, 'nothing was found');
      if (marked.length > 0) assert.deepEqual(ranges, marked);
    });
  }
  for (const one of clean) {
    it(`${one.rule} does not find: ${one.says}`, () => assert.deepEqual(run(one).ranges, []));
  }

  it('has a case of both kinds for every rule', () => {
    const of = (cases: Case[]): string[] => [...new Set(cases.map(({ rule }) => rule))].sort();
    assert.deepEqual(of(found), of(clean));
    assert.equal(of(found).length, 26);
  });

  it('says nothing about a text that does not parse, is no migration, or is too large', () => {
    assert.deepEqual(lintSource('exports.up = (', 'a.js'), []);
    assert.deepEqual(lintSource(`db.collection('a').deleteMany({})`, 'a.js'), []);
    assert.deepEqual(lintSource(`exports.up = () => {};${' '.repeat(600_000)}`, 'a.js'), []);
    assert.deepEqual(lintSource('def up(db:', 'a.py'), []);
    assert.deepEqual(
      lintSource(`exports.up = () => ${'('.repeat(20_000)}${')'.repeat(20_000)};`, 'a.js'),
      [],
    );
  });

  it('takes levels over', () => {
    const text = inUp(`await db.collection('a').updateMany({}, { $set: { x: 1 } });`);
    const severities = (levels: LintContext['levels']): string[] =>
      lintSource(text, 'a.js', { levels }).map(({ rule, severity }) => `${rule} ${severity}`);
    assert.deepEqual(severities({}), ['L3 error']);
    assert.deepEqual(severities({ L3: 'warn' }), ['L3 warn']);
    assert.deepEqual(severities({ L3: 'off' }), []);
  });

  it('ends with names that lead in circles and functions that call themselves', () => {
    const text = `const a = b; const b = a;
      const again = async (db, n) => { await db.collection('x').updateMany(a, { $set: { n } }); await again(db, n - 1); };
      exports.up = (db) => again(db, 3); exports.down = again;`;
    assert.deepEqual(lintSource(text, 'a.js'), []);
  });
});
