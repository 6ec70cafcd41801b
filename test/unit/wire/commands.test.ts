// The table: what each command touches, where it is redirected, and what does not pass.
import assert from 'node:assert/strict';
import { BSON, type Document } from 'mongodb';
import { type CommandSpec, allowedCommands, redirectingEdits, specOf } from '../../../src/wire/commands';
import { type RawElement, editDocument, elements } from '../../../src/wire/rawBson';
import type { CommandView } from '../../../src/wire/shapes';

function view(command: Document): CommandView {
  const body = Buffer.from(BSON.serialize(command));
  return { first: elements(body).next().value as RawElement, body, sequences: () => [] };
}

function allowed(command: Document): { spec: CommandSpec; view: CommandView } {
  const seen = view(command);
  const spec = specOf(seen);
  assert.ok(!('refused' in spec), JSON.stringify(spec));
  return { spec, view: seen };
}

/** `db.collection:access`, the command's own database as `.`. */
function touched(command: Document): string[] {
  const { spec, view } = allowed(command);
  return spec.shape
    .touched(view, spec.access)
    .map(({ database, collection, access }) => `${database ?? ''}.${collection ?? '*'}:${access}`);
}

function redirected(command: Document): Document {
  const { spec, view } = allowed(command);
  const target = (database: string): string => (database === 'admin' ? database : `${database}2`);
  return BSON.deserialize(editDocument(view.body, redirectingEdits(spec, view.first.name, target)));
}

const nested = [
  {
    $lookup: {
      from: 'b',
      pipeline: [{ $unionWith: { coll: 'c', pipeline: [{ $lookup: { from: { db: 'x', coll: 'd' } } }] } }],
    },
  },
  { $facet: { one: [{ $graphLookup: { from: 'e' } }], two: [{ $unionWith: 'f' }] } },
  { $rankFusion: { input: { pipelines: { p: [{ $lookup: { from: { db: 'x', coll: 'g' } } }] } } } },
  { $project: { $out: { db: 'x', coll: 'no stage' } } },
  { $merge: { into: { db: 'x', coll: 'h' }, whenMatched: [{ $set: { a: 1 } }] } },
];

describe('the table of commands', () => {
  const cases: [Document, string[]][] = [
    [{ find: 'a' }, ['.a:read']],
    [{ insert: 'a' }, ['.a:write']],
    [{ findandmodify: 'a' }, ['.a:write']],
    [{ getMore: BSON.Long.ONE, collection: 'a.b' }, ['.a.b:read']],
    [{ aggregate: 1, pipeline: [{ $currentOp: {} }] }, ['.*:read']],
    [{ aggregate: 'a', pipeline: [{ $out: 'b' }] }, ['.a:read', '.b:write']],
    [{ aggregate: 'a', pipeline: [{ $out: { db: 'x', coll: 'b' } }] }, ['.a:read', 'x.b:write']],
    [{ aggregate: 'a', pipeline: [{ $merge: 'b' }] }, ['.a:read', '.b:write']],
    [{ aggregate: 'a', pipeline: [{ $merge: { into: 'b' } }] }, ['.a:read', '.b:write']],
    [
      { aggregate: 'a', pipeline: nested },
      ['.a:read', '.b:read', '.c:read', 'x.d:read', '.e:read', '.f:read', 'x.g:read', 'x.h:write'],
    ],
    [{ explain: { aggregate: 'a', pipeline: [{ $out: 'b' }] } }, ['.a:read', '.b:read']],
    [
      { create: 'v', viewOn: 'a', pipeline: [{ $lookup: { from: 'b' } }] },
      ['.v:write', '.a:read', '.b:read'],
    ],
    [{ renameCollection: 'x.a', to: 'y.b.c' }, ['x.a:write', 'y.b.c:write']],
    [{ dropDatabase: 1 }, ['.*:write']],
    [{ listCollections: 1 }, ['.*:read']],
    [{ mapReduce: 'a', out: 'b' }, ['.a:read', '.b:write']],
    [{ mapReduce: 'a', out: { merge: 'b', db: 'x' } }, ['.a:read', 'x.b:write']],
    [{ mapReduce: 'a', out: { inline: 1 } }, ['.a:read']],
    [{ cloneCollectionAsCapped: 'a', toCollection: 'b' }, ['.a:read', '.b:write']],
    [{ shardCollection: 'x.a' }, ['x.a:write']],
    [{ bulkWrite: 1, nsInfo: [{ ns: 'x.a' }, { ns: 'y.b' }] }, ['x.a:write', 'y.b:write']],
    [{ filemd5: 1, root: 'photos' }, ['.photos.chunks:read']],
    [{ ping: 1 }, []],
    [{ commitTransaction: 1 }, []],
  ];
  for (const [command, expected] of cases) {
    it(`knows what ${JSON.stringify(command).slice(0, 60)} touches`, () => {
      assert.deepEqual(touched(command), expected);
    });
  }

  it('redirects every database that a command names, and nothing else', () => {
    assert.deepEqual(redirected({ find: 'x', filter: { $db: 'x', db: 'x' }, $db: 'x' }), {
      find: 'x',
      filter: { $db: 'x', db: 'x' },
      $db: 'x2',
    });
    const text = JSON.stringify(redirected({ aggregate: 'a', pipeline: nested, $db: 'x' }));
    const expected = JSON.stringify({ aggregate: 'a', pipeline: nested, $db: 'x' })
      .replaceAll('"db":"x","coll":"', '"db":"x2","coll":"')
      .replace('"db":"x2","coll":"no stage"', '"db":"x","coll":"no stage"')
      .replace('"$db":"x"', '"$db":"x2"');
    assert.equal(text, expected);
    assert.deepEqual(redirected({ renameCollection: 'x.a', to: 'y.b', $db: 'admin' }), {
      renameCollection: 'x2.a',
      to: 'y2.b',
      $db: 'admin',
    });
    assert.deepEqual(
      redirected({
        explain: { aggregate: 'a', pipeline: [{ $out: { db: 'x', coll: 'b' } }], $db: 'x' },
        $db: 'x',
      }),
      {
        explain: { aggregate: 'a', pipeline: [{ $out: { db: 'x2', coll: 'b' } }], $db: 'x2' },
        $db: 'x2',
      },
    );
    assert.deepEqual(redirected({ bulkWrite: 1, nsInfo: [{ ns: 'x.a' }], $db: 'admin' })['nsInfo'], [
      { ns: 'x2.a' },
    ]);
  });

  it('refuses with a sentence that names Migratory and says what to do', () => {
    for (const command of [
      { createUser: 1 },
      { shutdown: 1 },
      { reIndex: 'a' },
      { noSuchThing: 1 },
      { $where: 1 },
      { FIND: 'a' },
      { '': 1 },
    ]) {
      const spec = specOf(view(command));
      assert.ok('refused' in spec);
      assert.match(spec.refused, /Migratory/);
      assert.match(spec.refused, /outside of the migration/);
    }
    assert.ok('refused' in specOf(view({ explain: { noSuchThing: 1 } })));
    assert.ok('refused' in specOf(view({ explain: 1 })));
  });

  it('lets what only lets go pass without the fence, and nothing that writes', () => {
    const free = allowedCommands().filter(([, spec]) => spec.letsGo);
    assert.deepEqual(free.map(([name]) => name).sort(), [
      'abortTransaction',
      'endSessions',
      'killCursors',
      'killSessions',
    ]);
    for (const [name, spec] of allowedCommands()) {
      if (spec.kind === 'write' || spec.kind === 'catalogue') assert.equal(spec.access, 'write', name);
    }
  });
});
