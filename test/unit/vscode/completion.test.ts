// What is offered and what hovers say, from the text and from what a database was seen to hold. `|` is the cursor.
import assert from 'node:assert/strict';
import { parse } from '@babel/parser';
import { cursorContext } from '../../../src/migration/cursorContext';
import { mongoOperators } from '../../../src/migration/mongoOperators';
import type { SourceLanguage } from '../../../src/migration/sourceTokens';
import type { CollectionSample } from '../../../src/protocol/runner';
import type { Known, Suggestion } from '../../../src/vscode/completionModel';
import { hoverText, suggestionsFor } from '../../../src/vscode/completionModel';
import { SampledNames } from '../../../src/vscode/sampledNames';
import type { ConnectionStore } from '../../../src/vscode/connections';
import { english } from '../../../src/vscode/words';
import { filled } from '../support/snippet';

const sample: CollectionSample = {
  documents: 200,
  fields: [
    { path: '_id', count: 200, types: { objectId: 200 } },
    { path: 'year', count: 180, types: { int: 150, string: 30 } },
    { path: 'cast', count: 100, types: { array: 100 }, elements: { object: 100 } },
    { path: 'cast.name', count: 90, types: { string: 90 } },
    { path: 'Release Date', count: 1, types: { string: 1 } },
  ],
};
const known: Known = { collections: ['films', 'it\'s "odd"'], sample };

function question(text: string, language: SourceLanguage = 'javascript', what: Known = known) {
  const offset = text.indexOf('|');
  const whole = text.slice(0, offset) + text.slice(offset + 1);
  const context = cursorContext(whole, offset, language);
  assert.ok(context, `nothing is wanted in ${text}`);
  return { text: whole, question: { context, known: what, language, t: english } };
}

/** The text after a suggestion was taken, with its placeholders filled. */
function taken(text: string, label: string, language: SourceLanguage = 'javascript'): string {
  const asked = question(text, language);
  const found = suggestionsFor(asked.question).find((one) => one.label === label);
  assert.ok(found, `${label} is not offered`);
  return asked.text.slice(0, found.start) + filled(found.insert) + asked.text.slice(found.end);
}

function labels(text: string, language?: SourceLanguage, what?: Known): string[] {
  return suggestionsFor(question(text, language, what).question).map(({ label }) => label);
}

const films = "db.collection('films')";

describe('completion', () => {
  it('offers collections', () => {
    assert.deepEqual(labels("db.collection('|')"), known.collections);
    assert.equal(taken("db.collection('|')", 'it\'s "odd"'), "db.collection('it\\'s \"odd\"')");
    assert.equal(taken('db["|"]', 'films', 'python'), 'db["films"]');
    assert.equal(taken('db.fi|.find()', 'films', 'python'), 'db.films.find()');
  });

  it('offers fields with types, those in most documents first, sub-documents behind', () => {
    const suggestions = suggestionsFor(question(`${films}.find({ | })`).question);
    const fields = suggestions
      .filter(({ kind }) => kind === 'field')
      .sort((a, b) => (a.sort < b.sort ? -1 : 1));
    assert.deepEqual(
      fields.map(({ label, detail }) => [label, detail]),
      [
        ['_id', 'objectId'],
        ['year', 'int 83 %, string 17 %'],
        ['cast', 'array [object]'],
        ['Release Date', 'string'],
        ['cast.name', 'string'],
      ],
    );
    assert.equal(fields[1]?.documentation, 'In 90 % of the 200 documents of `films` that were looked at.');
    assert.ok(suggestions.some(({ label }) => label === '$or'));
    assert.ok(!suggestions.some(({ label }) => label === '$gt'));
  });

  it('writes fields as the language wants them', () => {
    assert.equal(taken(`${films}.find({ | })`, 'year'), `${films}.find({ year:  })`);
    assert.equal(taken(`${films}.find({ ye|: 1 })`, 'year'), `${films}.find({ year: 1 })`);
    assert.equal(taken(`${films}.find({ | })`, 'cast.name'), `${films}.find({ 'cast.name':  })`);
    assert.equal(taken(`${films}.find({ 'ca|' })`, 'cast.name'), `${films}.find({ 'cast.name':  })`);
    assert.equal(taken(`${films}.find({ 'ca|': 1 })`, 'cast.name'), `${films}.find({ 'cast.name': 1 })`);
    assert.equal(taken('db.films.find({|})', 'year', 'python'), 'db.films.find({"year": })');
    assert.equal(taken('db.films.find({"|"})', 'year', 'python'), 'db.films.find({"year": })');
  });

  it('offers fields of the elements below their array', () => {
    assert.deepEqual(labels(`${films}.find({ cast: { $elemMatch: { na| } } })`).slice(0, 1), ['name']);
  });

  it('offers paths and variables in strings of expressions', () => {
    const found = labels(`${films}.aggregate([{ $group: { _id: '$|' } }])`);
    assert.deepEqual(found.slice(0, 3), ['$_id', '$year', '$cast']);
    assert.ok(found.includes('$$ROOT'));
    assert.equal(
      taken(`${films}.aggregate([{ $group: { _id: '$|' } }])`, '$Release Date'),
      `${films}.aggregate([{ $group: { _id: '$Release Date' } }])`,
    );
  });

  it('offers the stages that an update takes, and no others', () => {
    assert.deepEqual(labels(`${films}.updateMany({}, [{ | }])`), [
      '$addFields',
      '$project',
      '$replaceRoot',
      '$replaceWith',
      '$set',
      '$unset',
    ]);
    assert.ok(labels(`${films}.aggregate([{ | }])`).length > 40);
  });

  it('offers operators without a database too', () => {
    assert.deepEqual(labels(`${films}.find({ | })`, 'javascript', {}).slice(0, 2), ['$and', '$or']);
    assert.deepEqual(labels("db.collection('|')", 'javascript', {}), []);
  });

  it('offers usual operators before others', () => {
    const sorted = suggestionsFor(question(`${films}.find({ a: { | } })`).question)
      .sort((a, b) => (a.sort < b.sort ? -1 : 1))
      .map(({ label }) => label);
    assert.deepEqual(sorted.slice(0, 4), ['$eq', '$ne', '$gt', '$gte']);
    assert.ok(sorted.indexOf('$size') < sorted.indexOf('$geoWithin'));
    assert.ok(!sorted.includes('$language'));
  });

  it('says what an operator is, and since when', () => {
    const found = suggestionsFor(question(`${films}.aggregate([{ | }])`).question);
    const densify = found.find(({ label }) => label === '$densify');
    assert.equal(densify?.detail, 'aggregation stage · MongoDB 5.1 or later');
    assert.match(
      densify.documentation,
      /gaps\.\n\n\[Documentation\]\(https:\/\/www\.mongodb\.com\/.*\/aggregation\/densify\/\)$/,
    );
  });

  const places: [where: string, text: string, quoted: string][] = [
    ['filter', `${films}.find({ | })`, `${films}.find({ '$|' })`],
    ['condition', `${films}.find({ a: { | } })`, `${films}.find({ a: { "|" } })`],
    ['update', `${films}.updateOne({}, { | })`, `${films}.updateOne({}, { '|' })`],
    ['stage', `${films}.aggregate([{ | }])`, `${films}.aggregate([{ "|" }])`],
    [
      'expression',
      `${films}.aggregate([{ $set: { a: { | } } }])`,
      `${films}.aggregate([{ $set: { a: { '|' } } }])`,
    ],
    [
      'accumulator',
      `${films}.aggregate([{ $group: { a: { | } } }])`,
      `${films}.aggregate([{ $group: { a: { '|' } } }])`,
    ],
    [
      'window',
      `${films}.aggregate([{ $setWindowFields: { output: { a: { | } } } }])`,
      `${films}.aggregate([{ $setWindowFields: { output: { a: { '|' } } } }])`,
    ],
  ];
  for (const [where, ...texts] of places) {
    for (const text of texts) {
      it(`leaves code that parses for every operator of a ${where}: ${text.slice(-20)}`, () => {
        const operators = suggestionsFor(question(text).question).filter(({ kind }) => kind !== 'field');
        assert.ok(operators.length > 4);
        for (const { label, insert } of operators) {
          const filledIn = insert.replaceAll(/\$\d/g, (stop, at: number) =>
            insert[at - 1] === '\\' ? stop : '${0:x1}',
          );
          // Stops without a default would leave keys without a name.
          const code = replaced(
            text,
            operators.find((one) => one.label === label),
            filledIn,
          );
          assert.doesNotThrow(() => parse(code), `${label}: ${code}`);
        }
      });
    }
  }

  it('writes values of Python for Python', () => {
    assert.equal(
      taken('db.films.aggregate([{"|"}])', '$unwind', 'python'),
      'db.films.aggregate([{"$unwind": { "path": "$", "preserveNullAndEmptyArrays": True }}])',
    );
    assert.equal(
      taken('db.films.find({"place": {|}})', '$near', 'python'),
      'db.films.find({"place": {"$near": { "$geometry": { "type": "Point", "coordinates": [] } }}})',
    );
  });
});

function replaced(text: string, suggestion: Suggestion | undefined, insert: string): string {
  assert.ok(suggestion);
  const whole = text.replace('|', '');
  const inserted = filled(insert).replace(/: $/, ': 1');
  return whole.slice(0, suggestion.start) + inserted + whole.slice(suggestion.end);
}

describe('hover', () => {
  const hover = (text: string, language?: SourceLanguage, what?: Known): string | undefined =>
    hoverText(question(text, language, what).question);

  it('explains operators where they stand', () => {
    assert.match(
      hover(`${films}.updateOne({}, { $s|et: {} })`) ?? '',
      /^\*\*`\$set`\*\* · update operator\n\nSets fields to values\./,
    );
    assert.match(hover(`${films}.aggregate([{ $s|et: {} }])`) ?? '', /· aggregation stage\n\nAdds fields/);
    assert.match(hover('db.films.find({"a": {"$g|t": 1}})', 'python') ?? '', /Greater than the value/);
    assert.match(hover(`${films}.aggregate([{ $set: { a: '$$NO|W' } }])`) ?? '', /time of the server/);
  });

  it('tells types and frequency of fields', () => {
    const text =
      '**`year`** · int 83 %, string 17 %\n\nIn 90 % of the 200 documents of `films` that were looked at.';
    assert.equal(hover(`${films}.find({ ye|ar: 1 })`), text);
    assert.equal(hover(`${films}.aggregate([{ $group: { _id: '$ye|ar' } }])`), text);
    assert.equal(hover('db.films.update_many({}, {"$set": {"ye|ar": 1}})', 'python'), text);
    assert.match(
      hover(`${films}.find({ cast: { $elemMatch: { na|me: 1 } } })`) ?? '',
      /^\*\*`cast\.name`\*\* · string\n/,
    );
    assert.match(hover(`${films}.find({ 'Release| Date': 1 })`) ?? '', /In < 1 % of/);
  });

  it('keeps names out of the Markdown', () => {
    const odd = { documents: 1, fields: [{ path: 'a`[x](y)', count: 1, types: { int: 1 } }] };
    const text = hover("db.collection('f`\\n').find({ 'a|`[x](y)': 1 })", 'javascript', { sample: odd });
    assert.match(text ?? '', /^\*\*`a'\[x\]\(y\)`\*\* · int\n\n.* of `f'\\n` that/);
  });

  it('says nothing of what it does not know', () => {
    assert.equal(hover(`${films}.find({ ot|her: 1 })`), undefined);
    assert.equal(hover(`${films}.find({ $gg|: 1 })`), undefined);
    assert.equal(hover(`${films}.find({ ye|ar: 1 })`, 'javascript', {}), undefined);
    assert.equal(hover("db.collection('fil|ms')"), undefined);
  });
});

describe('the names of a database', () => {
  const store = (connection: object | undefined): ConnectionStore =>
    ({
      ofFile: () => connection,
      target: () => Promise.resolve({ name: 'one', uri: 'mongodb://x', database: 'shop' }),
    }) as unknown as ConnectionStore;
  const connections = store({ id: 'one' });
  const { context } = question("db.collection('|')").question;

  it('are not asked for without trust', async () => {
    const observer = { call: () => assert.fail('asked') };
    const names = new SampledNames(connections, observer as never, () => false);
    assert.deepEqual(await names.about('a.js', context), { known: {}, waiting: false });
  });

  it('are not asked for without a connection', async () => {
    const observer = { call: () => assert.fail('asked') };
    const names = new SampledNames(store(undefined), observer as never, () => true);
    assert.deepEqual(await names.about('a.js', context), { known: {}, waiting: false });
  });

  it('are not waited for, and come later', async () => {
    const observer = { call: () => new Promise(() => undefined) };
    const names = new SampledNames(connections, observer as never, () => true);
    assert.deepEqual(await names.about('a.js', context), { known: {}, waiting: true });
  });

  it('leave a database alone for a while that does not answer', async () => {
    let asked = 0;
    const observer = { call: () => Promise.reject(new Error(`down ${++asked}`)) };
    const names = new SampledNames(connections, observer as never, () => true);
    assert.deepEqual(await names.about('a.js', context), { known: {}, waiting: false });
    assert.deepEqual(await names.about('a.js', context), { known: {}, waiting: false });
    assert.equal(asked, 1);
  });
});

describe('the table of operators', () => {
  it('has one sentence for each, and one entry for each meaning', () => {
    const seen = new Set<string>();
    for (const { name, kinds, doc, since } of mongoOperators) {
      assert.match(name, /^\$\$?[A-Za-z_]\w*$/);
      assert.match(doc, /^[-A-Za-z0-9$].{9,}\.$/, name);
      assert.doesNotMatch(doc, /[<>]/, name);
      if (since !== undefined) assert.match(since, /^\d\.\d+(\.\d+)?$/, name);
      for (const kind of kinds) {
        assert.ok(!seen.has(`${kind} ${name}`), `${kind} ${name}`);
        seen.add(`${kind} ${name}`);
      }
    }
  });
});
