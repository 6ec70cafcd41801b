import assert from 'node:assert/strict';
import {
  duration,
  growth,
  number,
  percent,
  rate,
  secondsBetween,
  setLanguage,
  wholeSeconds,
} from '../../../src/webview/format';
import { firstText, plural, setStrings, text } from '../../../src/webview/strings';
import { english } from '../../../src/webview/texts';

describe('Numbers in the panel', () => {
  afterEach(() => setLanguage('en'));

  it('writes durations as the command line does', () => {
    assert.deepEqual([0, 0.42, 9.94, 42, 185, 7800].map(duration), [
      '0s',
      '0.4s',
      '9.9s',
      '42s',
      '3m 5s',
      '2h 10m',
    ]);
    assert.deepEqual([0.4, 6.7, 59.6].map(wholeSeconds), ['0s', '7s', '1m 0s']);
  });

  it('never says 100 % before the end', () => {
    assert.deepEqual([0, 42.9, 99.99, 100].map(percent), ['0%', '42%', '99%', '100%']);
  });

  it('follows the language, and falls back to English for one that does not exist', () => {
    setLanguage('de');
    assert.equal(number(59340), '59.340');
    setLanguage('not a language');
    assert.equal(number(59340), '59,340');
  });

  it('writes rates and growth with as many digits as they deserve', () => {
    assert.deepEqual([0, 1.26, 11870.4].map(rate), ['0', '1.3', '11,870']);
    assert.deepEqual([0, -18400, 3_250_000].map(growth), ['0 bytes', '-18.4 kB', '+3.3 MB']);
  });

  it('never counts backwards when two clocks differ', () => {
    assert.equal(secondsBetween('2026-01-01T00:00:05Z', '2026-01-01T00:00:00Z'), 0);
    assert.equal(secondsBetween('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:01:00Z')), 60);
    assert.equal(secondsBetween('nonsense', '2026-01-01T00:00:00Z'), 0);
  });
});

describe('Texts of the panel', () => {
  afterEach(() => setStrings({}, 'en'));

  it('fills in values and picks the plural of the language', () => {
    assert.equal(text('error.open', { place: 'a.js:3' }), 'Open a.js:3');
    assert.equal(plural('checks.sum.passed', 1, '1'), '1 check passed');
    assert.equal(plural('checks.sum.passed', 1000, '1,000'), '1,000 checks passed');
  });

  it('takes over what the host sends and stays English for the rest', () => {
    setStrings({ 'log.title': 'Protokoll', 'no.such.key': 'x' }, 'de');
    assert.equal(text('log.title'), 'Protokoll');
    assert.equal(text('progress.rate'), english['progress.rate']);
  });

  it('says what it knows best for a mode', () => {
    assert.equal(firstText('state.applied.dry-run', 'state.applied'), 'Succeeded');
    assert.equal(firstText('state.paused.dry-run', 'state.paused'), 'Paused');
    assert.equal(firstText('state.unheard-of', 'unheard-of'), 'unheard-of');
  });

  it('has both forms of every plural', () => {
    const bases = Object.keys(english).filter((key) => key.endsWith('.other'));
    assert.ok(bases.length > 5);
    for (const key of bases) assert.ok(key.replace(/other$/, 'one') in english, key);
  });
});
