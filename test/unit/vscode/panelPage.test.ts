import assert from 'node:assert/strict';
import { panelHtml } from '../../../src/vscode/panelHtml';
import { isPanelMessage } from '../../../src/vscode/panelMessages';

describe('the page of the run panel', () => {
  const page = panelHtml({
    cspSource: 'https://host',
    nonce: 'n0nce',
    language: 'en',
    script: 'https://host/panel.js?a=1&b="2"',
    styles: ['https://host/panel.css'],
  });

  it('forbids everything but its own script, styles, fonts and pictures', () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
    assert.equal(
      policy,
      "default-src 'none'; script-src 'nonce-n0nce'; style-src https://host; font-src https://host; img-src https://host",
    );
    assert.ok(!page.includes('unsafe-inline'));
  });

  it('holds no script of its own and escapes what it links', () => {
    assert.equal(page.match(/<script/g)?.length, 1);
    assert.match(
      page,
      /<script nonce="n0nce" src="https:\/\/host\/panel\.js\?a=1&amp;b=&quot;2&quot;"><\/script>/,
    );
    assert.ok(!/<style|style=/.test(page));
  });
});

describe('messages of the panel', () => {
  it('are taken only in the agreed form', () => {
    assert.ok(isPanelMessage({ type: 'ready' }));
    assert.ok(isPanelMessage({ type: 'control', run: 'r', control: 'pause' }));
    assert.ok(isPanelMessage({ type: 'command', command: 'rollBack', name: 'a' }));
    assert.ok(isPanelMessage({ type: 'again', command: 'dryRun', names: ['a', 'b'] }));
    assert.ok(isPanelMessage({ type: 'action', command: 'migratory.selectConnection' }));
    assert.ok(isPanelMessage({ type: 'throttle', run: 'r', docsPerSecond: 500 }));
    assert.ok(isPanelMessage({ type: 'throttle', run: 'r', docsPerSecond: null }));
    const row = { run: 'r', step: 'a', collection: 'orders', id: '{"$numberInt":"1"}' };
    assert.ok(isPanelMessage({ type: 'openDocument', of: 'quarantine', ...row }));
    assert.ok(isPanelMessage({ type: 'openDocument', of: 'errors', ...row }));
    assert.ok(isPanelMessage({ type: 'quarantine', decision: 'retry', name: 'a' }));
    assert.ok(isPanelMessage({ type: 'quarantine', decision: 'discard', name: 'a', id: '{"$oid":"1"}' }));
    for (const wrong of [
      { type: 'quarantine', decision: 'discard', name: 'a', id: '{' },
      { type: 'quarantine', decision: 'drop', name: 'a' },
      { type: 'resolve', decision: 'keep', name: 'a', id: 'no JSON' },
      { type: 'throttle', run: 'r', docsPerSecond: 0 },
      { type: 'throttle', run: 'r', docsPerSecond: Number.POSITIVE_INFINITY },
      { type: 'throttle', run: 'r' },
      { type: 'openDocument', of: 'ledger', ...row },
      { type: 'openDocument', of: 'conflicts', ...row, id: 'no JSON' },
      { type: 'again', command: 'run', names: [] },
      { type: 'again', command: 'unlock', names: ['a'] },
      { type: 'action', command: 'workbench.action.terminal.sendSequence' },
      undefined,
      'ready',
      { type: 'control', run: 'r', control: 'delete' },
      { type: 'command', command: 'workbench.action.terminal.new', name: 'a' },
      { type: 'openFile', file: 3 },
      { type: 'unknown' },
    ]) {
      assert.ok(!isPanelMessage(wrong), JSON.stringify(wrong));
    }
  });
});
