// Where the cursor stands in half-typed migrations, and what is wanted there. `|` is the cursor.
import assert from 'node:assert/strict';
import { type CursorContext, cursorContext, type Want } from '../../../src/migration/cursorContext';
import type { SourceLanguage } from '../../../src/migration/sourceTokens';

function at(text: string, language: SourceLanguage = 'javascript'): CursorContext | undefined {
  const offset = text.indexOf('|');
  assert.ok(offset >= 0);
  return cursorContext(text.slice(0, offset) + text.slice(offset + 1), offset, language);
}

type Case = [text: string, wants: Want[], more?: Partial<CursorContext>];

const inUp = (code: string): string => `module.exports = {\n  async up(db, client, ctx) {\n    ${code}`;
const transform = (fields: string): string =>
  `export default defineMigration({\n  source: 'films',\n  ${fields}`;

const javascript: Case[] = [
  // Collections.
  [inUp("await db.collection('|"), ['collection'], { word: '', quote: "'", closed: false }],
  [inUp("await db.collection('fi|lms').updateMany({}, {});\n  },\n};"), ['collection'], { word: 'films' }],
  [inUp('await db.collection("|\n    await next();\n  },\n};'), ['collection'], { word: '' }],
  [inUp('await db.collection<Film>(`|`)'), ['collection']],
  [inUp("await db.dropCollection('|')"), ['collection']],
  [inUp("await ctx.batch('|', {}, (doc) => ({}));"), ['collection']],
  [transform("into: '|'"), ['collection']],
  ["module.exports = { source: '|", ['collection']],
  ["export default [{ name: 'a', source: '|' }, { name: 'b' }];", ['collection']],
  // Filters.
  [
    inUp("await db.collection('films').find({ |"),
    ['field', 'query'],
    { collection: 'films', key: true, quote: '', colon: false },
  ],
  [
    inUp("await db.collection('films').updateMany({ ye|: 1 }"),
    ['field', 'query'],
    { word: 'ye', colon: true },
  ],
  [inUp("await db.collection('films').updateMany({ year: { $g|"), ['condition'], { word: '$g' }],
  [
    inUp("db.collection('films').deleteMany({ $or: [{ a: 1 }, { |"),
    ['field', 'query'],
    { collection: 'films' },
  ],
  [
    inUp("db.collection('films').find({ cast: { $elemMatch: { |"),
    ['field', 'query', 'condition'],
    { prefix: 'cast.' },
  ],
  [inUp("db.collection('films').find({ year: { $not: { |"), ['condition']],
  [
    inUp("db.collection('films').find({ $expr: { $eq: ['$|"),
    ['path', 'variable'],
    { collection: 'films', word: '$' },
  ],
  [inUp("db.collection('films').find({ $text: { |"), ['parameter']],
  [
    inUp("const films = db.collection('films');\n    await films.countDocuments({ |"),
    ['field', 'query'],
    { collection: 'films' },
  ],
  [
    inUp("const films: Collection<Film> = db.collection<Film>('films');\n films.find({ |"),
    ['field', 'query'],
    { collection: 'films' },
  ],
  [
    "const NAME = 'films';\n" + inUp('db.collection(NAME).find({ |'),
    ['field', 'query'],
    { collection: 'films' },
  ],
  [inUp('db.collection(names[0]).find({ |'), ['field', 'query'], { collection: undefined }],
  [transform('filter: { |'), ['field', 'query'], { collection: 'films' }],
  [
    transform("filter: { 'cast.|': 1 }"),
    ['field', 'query'],
    { word: 'cast.', quote: "'", closed: true, colon: true },
  ],
  [
    "module.exports = {\n  filter: { | },\n  source: 'films',\n};",
    ['field', 'query'],
    { collection: 'films' },
  ],
  [inUp('const filter = { |'), ['field', 'query']],
  // Updates.
  [inUp("db.collection('films').updateMany({}, { $|"), ['update'], { word: '$', key: true }],
  [
    inUp("db.collection('films').updateMany({}, { '$se|': {} })"),
    ['update'],
    { word: '$se', quote: "'", key: true },
  ],
  [inUp("db.collection('films').updateOne({}, { $set: { |"), ['field'], { collection: 'films' }],
  [inUp("db.collection('films').updateOne({}, { $push: { tags: { |"), ['modifier']],
  [
    inUp("db.collection('films').updateOne({}, { $pull: { cast: { |"),
    ['field', 'query', 'condition'],
    { prefix: 'cast.' },
  ],
  [inUp("db.collection('films').updateMany({}, [{ |"), ['stage'], { update: true }],
  [inUp("db.collection('films').updateMany({}, [{ $set: { full: { $con|"), ['expression'], { word: '$con' }],
  [
    inUp("db.collection('films').bulkWrite([{ updateOne: { filter: { | } } }])"),
    ['field', 'query'],
    { collection: 'films' },
  ],
  [inUp("db.collection('films').bulkWrite([{ updateOne: { filter: {}, update: { |"), ['update']],
  [transform('transform(film) {\n    if (!film.year) {\n      return { |'), ['update']],
  [transform('transform(film) {\n    return { $set: { |'), ['field'], { collection: 'films' }],
  [transform('transform: (film: Film): TransformOutput => ({ |'), ['update']],
  [transform('transform: async (film) => {\n    return [{ |'), ['stage'], { update: true }],
  [transform('revert: function (film) { return { $unset: { |'), ['field']],
  [transform('update: [{ |'), ['stage'], { update: true, collection: 'films' }],
  [transform("revertPipeline: [{ $unset: '|"), ['field'], { collection: 'films' }],
  [inUp("await ctx.batch('films', { | }, (doc) => ({}))"), ['field', 'query'], { collection: 'films' }],
  [inUp("await ctx.batch('films', {}, (doc) => ({ |"), ['update'], { collection: 'films' }],
  [inUp("await ctx.convert('films', { |"), ['field'], { collection: 'films' }],
  [inUp("await ctx.extract('films', 'cast', { into: '|"), ['collection']],
  // Pipelines.
  [inUp("db.collection('films').aggregate([{ |"), ['stage'], { update: false }],
  [inUp("db.collection('films').aggregate<Total>([{ $match: {} }, { $gro|"), ['stage'], { word: '$gro' }],
  [inUp("db.collection('films').aggregate([{ $match: { |"), ['field', 'query'], { collection: 'films' }],
  [inUp("db.collection('films').aggregate([{ $group: { _id: '$|"), ['path', 'variable']],
  [inUp("db.collection('films').aggregate([{ $group: { _id: 1, n: { |"), ['accumulator']],
  [
    inUp("db.collection('films').aggregate([{ $group: { _id: 1, n: { $sum: '|"),
    ['path', 'variable'],
    { word: '' },
  ],
  [inUp("db.collection('films').aggregate([{ $sort: { |"), ['field']],
  [inUp("db.collection('films').aggregate([{ $unwind: '|"), ['path', 'variable']],
  [inUp("db.collection('films').aggregate([{ $unwind: { path: '$|"), ['path', 'variable']],
  [inUp("db.collection('films').aggregate([{ $lookup: { from: '|"), ['collection']],
  [
    inUp("db.collection('films').aggregate([{ $lookup: { from: 'people', localField: '|"),
    ['field'],
    { collection: 'films' },
  ],
  [
    inUp("db.collection('films').aggregate([{ $lookup: { from: 'people', foreignField: '|"),
    ['field'],
    { collection: 'people' },
  ],
  [
    inUp("db.collection('films').aggregate([{ $lookup: { from: 'people', pipeline: [{ $match: { |"),
    ['field', 'query'],
    { collection: 'people' },
  ],
  [inUp("db.collection('films').aggregate([{ $merge: '|"), ['collection']],
  [inUp("db.collection('films').aggregate([{ $merge: { into: { coll: '|"), ['collection']],
  [
    inUp("db.collection('films').aggregate([{ $merge: { into: 'totals', on: '|"),
    ['field'],
    { collection: 'totals' },
  ],
  [inUp("db.collection('films').aggregate([{ $facet: { years: [{ |"), ['stage']],
  [inUp("db.collection('films').aggregate([{ $setWindowFields: { output: { rank: { |"), ['window']],
  [inUp("db.collection('films').aggregate([{ $set: { a: { $cond: { if: { $gt|"), ['expression']],
  [
    transform('pipeline: [\n    { $match: {} },\n    { |\n  ],'),
    ['stage'],
    { collection: 'films', update: false },
  ],
  [inUp('const pipeline = [{ |'), ['stage']],
  // Indexes and other places for names of fields.
  [inUp("db.collection('films').createIndex({ |"), ['field'], { collection: 'films' }],
  [inUp("db.collection('films').createIndex('|"), ['field']],
  [inUp("db.collection('films').createIndex({ a: 1 }, { partialFilterExpression: { |"), ['field', 'query']],
  [inUp("db.collection('films').createIndexes([{ key: { |"), ['field']],
  [inUp("db.collection('films').distinct('|"), ['field']],
  [inUp("db.collection('films').insertOne({ |"), ['field']],
  [inUp("db.collection('films').find({}, { projection: { |"), ['field']],
  [transform('requiredIndexes: [{ |'), ['field']],
  [
    transform('async validate(films) {\n    return (await films.countDocuments({ |'),
    ['field', 'query'],
    { collection: 'films' },
  ],
];

const python: Case[] = [
  ['def up(db):\n    db["|', ['collection'], { word: '' }],
  ['def up(db):\n    db.|', ['collection']],
  ['def up(db):\n    db.fi|lms.update_many({})', ['collection'], { word: 'films' }],
  ['def up(db):\n    db.films.update_many({"|', ['field', 'query'], { collection: 'films', quote: '"' }],
  ['def up(db):\n    db["films"].update_many({"year": {"$|"}})', ['condition']],
  ['def up(db):\n    db.films.update_many({}, {"|', ['update']],
  ['def up(db):\n    db.films.update_many({}, update={"$set": {"|', ['field'], { collection: 'films' }],
  [
    'def up(db):\n    films = db.films\n    films.find({|',
    ['field', 'query'],
    { collection: 'films', quote: '' },
  ],
  [
    'def up(db):\n    films = db.get_collection("films")\n    films.find({"|',
    ['field', 'query'],
    { collection: 'films' },
  ],
  ['def up(db):\n    db.films.aggregate(pipeline=[{"|', ['stage']],
  ['def up(db):\n    db.films.aggregate([{"$group": {"_id": "$|', ['path', 'variable']],
  ['def up(db):\n    db.films.create_index([("|', ['field'], { collection: 'films' }],
  ['def up(db):\n    batch_update(db.films, {}, lambda film: {"|', ['update']],
  ['def change(film):\n    return {"|', ['update']],
  [
    'migrations = [\n    {"name": "a", "up": lambda db: db.films.update_many({"|',
    ['field', 'query'],
    { collection: 'films' },
  ],
];

const silent: [language: SourceLanguage, text: string][] = [
  ['javascript', inUp("// db.collection('|")],
  ['javascript', inUp('/* { $set: { | } } */')],
  ['javascript', inUp("ctx.log.info('|')")],
  ['javascript', inUp('const options = { |')],
  ['javascript', inUp('if (x) { |')],
  ['javascript', inUp('films.map((film) => ({ |')],
  ['javascript', inUp("db.collection('films').find({ title: /a|b/ })")],
  ['javascript', inUp('|')],
  ['javascript', 'module.exports = { |'],
  ['javascript', "module.exports = { name: '|' }"],
  ['javascript', transform("filter: { year: '|' }")],
  ['javascript', transform('transform(film) {\n    const parts = film.items.map((x) => { return { |')],
  ['python', 'def up(db):\n    # db["|'],
  ['python', 'def up(db):\n    """db["|"""'],
  ['python', 'def up(db):\n    x.|'],
  ['python', 'def up(db):\n    print("|")'],
];

describe('cursorContext', () => {
  for (const [language, cases] of [
    ['javascript', javascript],
    ['python', python],
  ] as const) {
    for (const [text, wants, more] of cases) {
      it(`${language}: ${text.replaceAll(/\s+/g, ' ').slice(-90)}`, () => {
        const context = at(text, language);
        assert.deepEqual(context?.wants, wants);
        for (const [key, value] of Object.entries(more ?? {})) {
          assert.equal(context[key as keyof CursorContext], value, key);
        }
      });
    }
  }

  for (const [language, text] of silent) {
    it(`${language}, nothing: ${text.replaceAll(/\s+/g, ' ').slice(-80)}`, () => {
      assert.deepEqual(at(text, language)?.wants, undefined);
    });
  }

  it('says the same wherever the cursor touches a word', () => {
    const text = inUp("await db.collection('films').updateMany({}, { $set: { year: 1 } });\n  },\n};");
    const start = text.indexOf('$set');
    for (let offset = start; offset <= start + 4; offset++) {
      const context = cursorContext(text, offset, 'javascript');
      assert.deepEqual([context?.wants, context?.word, context?.start], [['update'], '$set', start]);
    }
  });

  it('never throws and never hangs, wherever a text is cut off', () => {
    const text = inUp(javascript.map(([one]) => one.replace('|', '')).join('\n`${a}` /re/ '));
    for (let length = 0; length < text.length; length += 37) {
      cursorContext(text.slice(0, length), length, 'javascript');
      cursorContext(text.slice(0, length), length, 'python');
    }
  });

  it('is quick in a long file', () => {
    const text = `${inUp("await db.collection('films').updateMany({ year: 1 }, { $set: { year: 2 } });\n".repeat(5000))}\ndb.collection('films').find({ `;
    const started = performance.now();
    assert.deepEqual(cursorContext(text, text.length, 'javascript')?.wants, ['field', 'query']);
    assert.ok(performance.now() - started < 1000);
  });
});
