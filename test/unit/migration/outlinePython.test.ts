import assert from 'node:assert/strict';
import { outlineSource } from '../../../src/migration/outlineSource';

interface Case {
  title: string;
  text: string;
  /** `name line` and `down` for each. */
  entries: string[];
  complete?: boolean;
}

const cases: Case[] = [
  {
    title: 'a list of dicts',
    text: `from datetime import datetime

def up_a(db):
    db.users.update_many({}, {"$set": {"a": [1, 2]}})

migrations = [
    {
        'name': '001_a',
        'up': up_a,
        'down': None,
    },
    {"name": "002_b", "up": lambda db: db.x.drop(), "down": lambda db: None},
]
`,
    entries: ['001_a line 7', '002_b line 12 down'],
  },
  {
    title: 'lambdas of several parameters',
    text: `migrations = [
    {'name': 'a', 'up': lambda db, client, ctx=lambda x, y: x: db.x.drop(), 'down': lambda db, *_: {1: 2, 3: 4}},
    dict(name='b', up=lambda db, client: None),
]
`,
    entries: ['a line 2 down', 'b line 3'],
  },
  {
    title: 'module functions',
    text: `"""Adds a field."""\n\n\nasync def up(db):\n    pass\n\n\ndef down(db):\n    pass\n`,
    entries: ['m.py line 4 down'],
  },
  {
    title: 'functions that are assigned',
    text: `change = make()\nup = change\ndown = lambda db: None\n`,
    entries: ['m.py line 2 down'],
  },
  { title: 'up alone', text: `def up(db):\n  if True:\n    pass\n`, entries: ['m.py line 1'] },
  {
    title: 'a type annotation and dict()',
    text: `migrations: list[dict] = [dict(name="a", up=f, down=g)]\n`,
    entries: ['a line 1 down'],
  },
  {
    title: 'names for dicts and strings',
    text: `NAME = 'n'\nfirst = {'name': NAME, 'up': f}\nmigrations = [first]\n`,
    entries: ['n line 2'],
  },
  {
    title: 'strings in every spelling',
    text: `migrations = [{'name': ('a' "b" r'\\c'), 'up': f}, {'name': '''d\\x41\\u00e4''', 'up': f}, {'name': u"e\\"", 'up': f}]`,
    entries: ['ab\\c line 1', 'dAä line 1', 'e" line 1'],
  },
  {
    title: 'brackets and quotes inside strings and comments',
    text: `# migrations = [{\nx = "]"  # ']\ny = '''\nmigrations = [\n'''\nmigrations = [  # [\n  {'name': 'a', 'up': f},  # }\n]\n`,
    entries: ['a line 7'],
  },
  {
    title: 'a main guard that changes nothing',
    text: `migrations = [{'name': 'a', 'up': f}]\n\nif __name__ == '__main__':\n    run_all(migrations)\n`,
    entries: ['a line 1'],
  },
  {
    title: 'line breaks of Windows',
    text: `def up(db):\r\n    pass\r\ndef down(db):\r\n    pass\r\n`,
    entries: ['m.py line 1 down'],
  },
  { title: 'continued lines', text: `migrations = \\\n  [{'name': 'a', 'up': f}]\n`, entries: ['a line 2'] },
  { title: 'nothing', text: `import os\n\ndef helper():\n    def up(db): pass\n`, entries: [] },
  {
    title: 'a computed name',
    text: `migrations = [{'name': f'a{1}', 'up': f}]`,
    entries: ['? line 1'],
    complete: false,
  },
  {
    title: 'no name beside others',
    text: `migrations = [{'up': f}, {'name': 'b', 'up': f}]`,
    entries: ['? line 1', 'b line 1'],
    complete: false,
  },
  { title: 'a spread', text: `migrations = [*others, {'name': 'b', 'up': f}]`, entries: [], complete: false },
  {
    title: 'a dict spread',
    text: `migrations = [{**base, 'up': f}]`,
    entries: ['? line 1'],
    complete: false,
  },
  {
    title: 'a comprehension',
    text: `migrations = [make(x) for x in range(3)]`,
    entries: [],
    complete: false,
  },
  {
    title: 'a list that is filled later',
    text: `migrations = []\nfor x in (1, 2):\n    migrations.append({'name': str(x), 'up': f})\n`,
    entries: [],
    complete: false,
  },
  { title: 'an imported list', text: `from other import migrations\n`, entries: [], complete: false },
  { title: 'a star import', text: `from other import *\n`, entries: [], complete: false },
];

describe('outlineSource, Python', () => {
  for (const { title, text, entries, complete = true } of cases) {
    it(title, () => {
      const outline = outlineSource(text, '/migrations/m.py');
      const brief = outline.entries.map(({ name, start, hasDown, kind }) => {
        assert.equal(kind, 'script');
        const line = text.slice(0, start).split('\n').length;
        return `${name ?? '?'} line ${line}${hasDown ? ' down' : ''}`;
      });
      assert.deepEqual(brief, entries);
      assert.equal(outline.complete, complete);
      assert.equal(outline.error, undefined);
    });
  }

  it('reads description and irreversible', () => {
    const text = `migrations = [{'name': 'a', 'up': f, 'description': 'why', 'irreversible': True}, {'name': 'b', 'up': f, 'irreversible': 'gone'}]`;
    const [a, b] = outlineSource(text, 'm.py').entries;
    assert.equal(a?.description, 'why');
    assert.equal(a.irreversible, true);
    assert.equal(b?.irreversible, 'gone');
  });

  it('reads what it requires, in a dict and at the top of a module', () => {
    const dict = `migrations = [{'name': 'a', 'up': f, 'requires': ['x', "y",]}]`;
    assert.deepEqual(outlineSource(dict, 'm.py').entries[0]?.requires, ['x', 'y']);
    const module = `requires = ('x',)\nirreversible = 'gone'\ndef up(db):\n  pass\n`;
    const { entries, complete } = outlineSource(module, 'm.py');
    assert.deepEqual([entries[0]?.requires, entries[0]?.irreversible, complete], [['x'], 'gone', true]);
  });

  it('spans a function up to its last line', () => {
    const text = `def up(db):\n    a = 1\n\n    return a\n\n\nx = 1\n`;
    const [entry] = outlineSource(text, 'm.py').entries;
    assert.equal(text.slice(entry?.start, entry?.end), 'def up(db):\n    a = 1\n\n    return a');
  });

  const problems: [text: string, message: string, line: number, column: number][] = [
    [`x = 'abc\n`, 'The string is not terminated', 1, 5],
    [`migrations = [\n  {'name': 'a'\n`, '"{" was never closed', 2, 3],
    [`x = (1]\n`, 'Unexpected "]"', 1, 7],
    [`x = """\nabc`, 'The string is not terminated', 1, 5],
  ];
  for (const [text, message, line, column] of problems) {
    it(`says where it does not parse: ${message}, line ${line}`, () => {
      const { entries, error } = outlineSource(text, 'm.py');
      assert.deepEqual(entries, []);
      assert.deepEqual(error, { message, line, column });
    });
  }

  it('is quick on a long file', function () {
    this.timeout(20_000);
    const rows = Array.from({ length: 30_000 }, (_, at) => `  {'name': 'm${at}', 'up': f},`).join('\n');
    const started = Date.now();
    const { entries } = outlineSource(`migrations = [\n${rows}\n]\n`, 'm.py');
    assert.equal(entries.length, 30_000);
    assert.ok(Date.now() - started < 10_000);
  });
});
