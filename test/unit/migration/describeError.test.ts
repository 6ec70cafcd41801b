import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { describeError } from '../../../src/migration/describeError';
import { UserError } from '../../../src/protocol/errors';

const uri = 'mongodb://me:secret@db.example.net/shop';
const hidden = 'mongodb://<credentials>@db.example.net/shop';

/** An error whose stack stands in the given frames. */
function withFrames(...frames: string[]): Error {
  const error = new Error('boom');
  error.stack = ['Error: boom', ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

describe('describeError', () => {
  it('takes message, name, code and stack of an Error', () => {
    const info = describeError(Object.assign(new TypeError('no'), { code: 11000 }));
    assert.equal(info.message, 'no');
    assert.equal(info.name, 'TypeError');
    assert.equal(info.code, 11000);
    assert.match(info.stack ?? '', /^TypeError: no\n {4}at /);
  });

  it('shows the message, the action and the place of a UserError, without a stack', () => {
    const info = describeError(
      new UserError('Wrong.', { action: { label: 'Retry' }, location: { file: '/p/a.js', line: 2 } }),
    );
    assert.deepEqual(info, {
      message: 'Wrong.',
      name: 'UserError',
      user: true,
      action: { label: 'Retry' },
      file: '/p/a.js',
      line: 2,
    });
  });

  it('follows causes, also in a circle and far down', () => {
    const circle: Error & { cause?: unknown } = new Error('a');
    circle.cause = new Error('b', { cause: circle });
    assert.equal(describeError(circle).cause?.message, 'b');
    assert.equal(describeError(circle).cause?.cause, undefined);
    let deep = new Error('0');
    for (let at = 1; at < 50; at++) deep = new Error(String(at), { cause: deep });
    let depth = 0;
    for (let info = describeError(deep); info.cause; info = info.cause) depth++;
    assert.equal(depth, 7);
  });

  it('takes the first of several errors as the cause', () => {
    assert.equal(
      describeError(new AggregateError([new Error('one'), new Error('two')])).cause?.message,
      'one',
    );
  });

  it('hides credentials in message, stack and cause', () => {
    const text = JSON.stringify(describeError(new Error(`x ${uri}`, { cause: new Error(uri) })));
    assert.ok(!text.includes('secret'));
    assert.ok(text.includes(hidden));
    assert.equal(describeError(uri).message, `A string was thrown instead of an Error: ${hidden}`);
    assert.equal(
      describeError({ uri }).message,
      `An object was thrown instead of an Error: { uri: '${hidden}' }`,
    );
  });

  const thrown: [value: unknown, message: string][] = [
    ['boom', 'A string was thrown instead of an Error: boom'],
    [undefined, 'undefined was thrown instead of an Error.'],
    [null, 'null was thrown instead of an Error.'],
    [42, 'A number was thrown instead of an Error: 42'],
    [false, 'A boolean was thrown instead of an Error: false'],
    [{ code: 5 }, 'An object was thrown instead of an Error: { code: 5 }'],
    [Symbol('s'), 'A symbol was thrown instead of an Error: Symbol(s)'],
    [{ message: 'like an error' }, 'like an error'],
    [new RangeError(''), 'RangeError without a message was thrown.'],
    [runInNewContext('new Error("of another realm")'), 'of another realm'],
  ];
  for (const [value, message] of thrown) {
    it(`describes what was thrown: ${message}`, () => assert.equal(describeError(value).message, message));
  }

  it('survives values that throw when they are read', () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('no');
        },
      },
    );
    assert.equal(describeError(hostile).message, 'Something was thrown that cannot be read.');
  });

  it('cuts endless messages', () => {
    assert.equal(describeError(new Error('x'.repeat(50_000))).message.length, 10_001);
  });

  describe('place', () => {
    const options = { file: '/p/migrations/001.js', root: '/p' };
    const places: [title: string, frames: string[], place: unknown[]][] = [
      ['of a plain frame', ['up (/p/migrations/001.js:3:5)'], ['/p/migrations/001.js', 3, 5]],
      ['of a frame without a function', ['/p/migrations/001.js:3:5'], ['/p/migrations/001.js', 3, 5]],
      ['of an async frame', ['async /p/migrations/001.js:3:5'], ['/p/migrations/001.js', 3, 5]],
      [
        'of a module with a version',
        ['up (file:///p/migrations/001.js?version=ab:3:5)'],
        ['/p/migrations/001.js', 3, 5],
      ],
      [
        'in the file before any other of the project',
        ['x (/p/lib/x.js:1:1)', 'up (/p/migrations/001.js:3:5)'],
        ['/p/migrations/001.js', 3, 5],
      ],
      [
        'in the project otherwise',
        ['d (/p/node_modules/mongodb/x.js:1:1)', 'x (/p/lib/x.js:7:1)'],
        ['/p/lib/x.js', 7, 1],
      ],
      [
        'in a folder with brackets and blanks',
        ['Object.up [as f] (/p/my (old) dir/x.js:7:1)'],
        ['/p/my (old) dir/x.js', 7, 1],
      ],
      [
        'nowhere without a frame of the project',
        ['x (/q/x.js:1:1)', 'node:internal/x:1:1'],
        [undefined, undefined, undefined],
      ],
    ];
    for (const [title, frames, place] of places) {
      it(title, () => {
        const { file, line, column } = describeError(withFrames(...frames), options);
        assert.deepEqual([file, line, column], place);
      });
    }
  });
});
