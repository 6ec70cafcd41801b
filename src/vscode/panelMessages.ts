// Judges what comes out of the panel: a page is no trusted caller, so every message is checked before use.
import * as v from 'valibot';
import type { PanelMessage } from '../protocol/panel';

const message = v.variant('type', [
  v.object({ type: v.literal('ready') }),
  v.object({
    type: v.literal('control'),
    run: v.string(),
    control: v.picklist(['pause', 'resume', 'cancel']),
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
    command: v.picklist(['run', 'dryRun', 'rollBack', 'validate', 'showLog']),
    name: v.string(),
  }),
]);

export function isPanelMessage(value: unknown): value is PanelMessage {
  return v.is(message, value);
}
