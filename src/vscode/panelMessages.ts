// Judges what comes out of the panel: a page is no trusted caller, so every message is checked before use.
import * as v from 'valibot';
import type { PanelMessage } from '../protocol/panel';
import { Command } from './manifest';
import { showRuns } from './shownRun';

const startable = ['run', 'dryRun', 'rollBack', 'validate'] as const;

const message = v.variant('type', [
  v.object({ type: v.literal('ready') }),
  v.object({
    type: v.literal('control'),
    run: v.string(),
    control: v.picklist(['pause', 'resume', 'cancel']),
  }),
  v.object({
    type: v.literal('throttle'),
    run: v.string(),
    docsPerSecond: v.nullable(v.pipe(v.number(), v.finite(), v.gtValue(0))),
  }),
  v.object({
    type: v.literal('openDocument'),
    run: v.string(),
    of: v.picklist(['quarantine', 'conflicts', 'errors']),
    step: v.string(),
    collection: v.string(),
    id: v.pipe(v.string(), v.check(isJson)),
  }),
  v.object({
    type: v.literal('openFile'),
    file: v.string(),
    line: v.optional(v.number()),
    column: v.optional(v.number()),
  }),
  v.object({ type: v.literal('openDiff'), run: v.string(), step: v.string(), index: v.number() }),
  v.object({
    type: v.literal('command'),
    command: v.picklist([...startable, 'showLog']),
    name: v.string(),
  }),
  v.object({
    type: v.literal('again'),
    command: v.picklist(startable),
    names: v.pipe(v.array(v.string()), v.minLength(1)),
  }),
  v.object({
    type: v.literal('resolve'),
    decision: v.picklist(['keep', 'restore']),
    name: v.string(),
    id: v.optional(v.pipe(v.string(), v.check(isJson))),
  }),
  v.object({
    type: v.literal('quarantine'),
    decision: v.picklist(['retry', 'discard']),
    name: v.string(),
    id: v.optional(v.pipe(v.string(), v.check(isJson))),
  }),
  // The action comes out of a run document, which others can write: nothing but our own commands, and none of
  // the editor's but those that we name.
  v.object({
    type: v.literal('action'),
    command: v.picklist([
      ...Object.values(Command),
      'workbench.action.openSettings',
      'workbench.trust.manage',
      showRuns,
    ]),
  }),
]);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function isPanelMessage(value: unknown): value is PanelMessage {
  return v.is(message, value);
}
