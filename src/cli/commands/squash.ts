// `squash`: many applied migrations into one file.
import { relative } from 'node:path';
import { folderSet } from '../../engine/migrationSet';
import { CancelledError, RunSwitch } from '../../engine/scope';
import { squash, type Squashed } from '../../engine/squash/squash';
import { ExitCode } from '../../protocol/errors';
import { confirmProduction } from '../confirm';
import type { Output } from '../output';
import { type GlobalOptions, withSession } from '../session';
import { obeySignals } from '../signals';

export interface SquashFlags {
  to?: string;
  name: string;
  dryRun?: boolean;
  arg?: Record<string, unknown>;
}

export function squashCommand(
  output: Output,
  globals: GlobalOptions,
  names: string[],
  { to, name, dryRun: look = false, arg: args }: SquashFlags,
): Promise<number> {
  return withSession(globals, {}, async ({ config, connection, settings }) => {
    if (!look) await confirmProduction(output, globals, connection, 'Squash');
    output.line(`Squash on ${connection.label}`);
    const root = process.cwd();
    const runSwitch = new RunSwitch();
    const release = obeySignals(runSwitch, output);
    try {
      const done = await squash({
        connection,
        settings,
        sets: () => folderSet(config, root),
        choice: { names, to },
        description: name,
        look,
        args,
        program: 'cli',
        wholeProcess: true,
        hooks: { event: (event) => output.event(event) },
        switch: runSwitch,
        tell: (what) => output.say(what),
      });
      tell(output, done, { look, root });
      return ExitCode.done;
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      output.say('Cancelled. Nothing was squashed.', 'warn');
      return ExitCode.cancelled;
    } finally {
      release();
    }
  });
}

function tell(output: Output, done: Squashed, { look, root }: { look: boolean; root: string }): void {
  const { name, text, squashed, moves, collections, generated } = done;
  const file = relative(root, done.file);
  output.emit({
    type: 'list',
    of: 'squash',
    items: [{ name, file, squashed, collections, generated, written: !look }],
  });
  const documents = collections.reduce((sum, each) => sum + each.documents, 0);
  const indexes = collections.reduce((sum, each) => sum + each.indexes, 0);
  output.line(
    `Both come to the same: ${amount(collections.length, 'collection')}, ${amount(indexes, 'index')}, ${amount(documents, 'document')}.`,
  );
  if (generated.length > 0)
    output.say(
      `Made anew at every run, and fixed in the file as one run has made them: ${generated.join(', ')}.`,
      'warn',
    );
  if (documents > 0)
    output.line(
      'Read the documents in it before you commit it: what came from the environment stands there too.',
    );
  if (look) {
    output.line(`Would write ${file} in the place of ${squashed.length} migrations:\n\n${text}`);
    return;
  }
  output.line(`Wrote ${file}, which stands for ${squashed.length} migrations and counts as applied.`);
  output.line(`Their files are kept: ${moves.map(({ to }) => relative(root, to)).join(', ')}`);
}

function amount(count: number, what: string): string {
  const plural = what === 'index' ? 'indexes' : `${what}s`;
  return `${count.toLocaleString('en')} ${count === 1 ? what : plural}`;
}
