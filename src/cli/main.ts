// The command line: `migratory <command>`. Parses, hands over to the commands, and turns every end into an exit code.
import { Command, CommanderError, Option } from 'commander';
import { describeError } from '../migration/describeError';
import { ExitCode, UserError } from '../protocol/errors';
import { count, days, each, limit, sample } from './arguments';
import { conflictsCommand } from './commands/conflicts';
import { createCommand, initCommand, typesCommand } from './commands/author';
import { journalsCommand } from './commands/journals';
import {
  adoptCommand,
  baselineCommand,
  markCommand,
  quarantineCommand,
  repairCommand,
  unlockCommand,
} from './commands/recover';
import { controlCommand, runsCommand, throttleCommand, type ThrottleOptions } from './commands/runs';
import { runCommand, type RunOptions } from './commands/run';
import { squashCommand, type SquashFlags } from './commands/squash';
import { statusCommand } from './commands/status';
import { askCommand, completions, completionScript } from './completion';
import { forArgs, forCancel, forFailure, forJunit, withGlobalOptions } from './options';
import { Output } from './output';
import type { GlobalOptions } from './session';
import { version } from './version';

// Before anything else: a connection string among the arguments must not stay in the process list.
process.title = 'migratory';

const program = withGlobalOptions(new Command('migratory'))
  .description('Write MongoDB migrations, rehearse them, run them, watch them and get back from them.')
  .version(version, '-V, --version')
  .showHelpAfterError('  try: migratory --help')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) });

function add(name: string, description: string, examples: string[]): Command {
  return program
    .command(name)
    .description(description)
    .showHelpAfterError(`  try: migratory help ${name.split(' ')[0]}`)
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ migratory ${example}`).join('\n')}`)
    .addHelpText('after', '\nOptions of all commands (--connection, --uri, --json, …): migratory --help');
}

/** Commands that know what to do with many databases. */
const onMany: ReadonlySet<string> = new Set(['up', 'down', 'dry-run', 'validate', 'verify', 'status']);

/** Runs a command's action with its output, and sets the exit code that it gives. */
function action(
  work: (output: Output, globals: GlobalOptions, options: never, args: string[]) => Promise<number>,
): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command;
    const globals = program.opts<GlobalOptions>();
    const output = new Output(globals);
    try {
      if (globals.databases !== undefined && !onMany.has(command.name()))
        throw new UserError(`--databases is for ${[...onMany].join(', ')}.`, { exitCode: ExitCode.usage });
      process.exitCode = await work(output, globals, command.opts<never>(), command.args);
    } catch (error) {
      const info = describeError(error);
      output.error(info);
      process.exitCode = error instanceof UserError ? error.exitCode : ExitCode.failed;
    }
    await output.flush();
    // An author's timers and sockets must not hold the terminal.
    process.exit(process.exitCode);
  };
}

add('init', 'write a config and make the folder of the migrations', ['init', 'init --ts'])
  .option('--ts', 'a TypeScript config')
  .action(action((output, globals, options: { ts?: boolean }) => initCommand(output, globals, options)));

add('create <description...>', 'write a new migration; connects to nothing', [
  'create "split customer names"',
  'create "release dates" --template transform',
  'create "find orders by customer" --template index --language typescript',
])
  .option('-t, --template <template>', 'what the new file starts from')
  .option('-l, --language <language>', 'javascript, typescript or python; default that of the config')
  .action(
    action((output, globals, options: { template?: string; language?: string }, args) =>
      createCommand(output, globals, args.join(' '), options),
    ),
  );

add('types', 'write types for migrations of a project that has not installed migratory', ['types']).action(
  action((output, globals) => typesCommand(output, globals)),
);

add('status', 'show which migrations are applied, pending, changed or missing', [
  'status',
  'status --exit-code',
])
  .option('--exit-code', 'exit with 3 when something is pending')
  .action(
    action((output, globals, options: { exitCode?: boolean }) => statusCommand(output, globals, options)),
  );

/** Options whose names on the command line are not those of the run. */
interface RunFlags {
  down?: boolean;
  arg?: Record<string, unknown>;
}

const runs = (mode: RunOptions['mode']): ((...parameters: unknown[]) => Promise<void>) =>
  action((output, globals, { arg, down, ...options }: Omit<RunOptions, 'mode' | 'names'> & RunFlags, names) =>
    runCommand(output, globals, { ...options, mode, names, back: down, args: arg }),
  );

add('up [names...]', 'run pending migrations in order, or exactly the named ones', [
  'up',
  'up 004-dates.js',
  'up --steps 1',
])
  .option('--to <name>', 'stop after this one')
  .option('--steps <n>', 'run at most so many', count)
  .option('--dry-run', 'the same as the command dry-run')
  .option('--allow-out-of-order', 'run older pending ones although later ones are applied')
  .addOption(forFailure())
  .addOption(forCancel())
  .addOption(forArgs())
  .addOption(
    new Option('--sample <n>', 'with --dry-run: documents per collection, or `all`').argParser(sample),
  )
  .action((...parameters: unknown[]) => {
    const { dryRun } = (parameters.at(-1) as Command).opts<{ dryRun?: boolean }>();
    return runs(dryRun ? 'dry-run' : 'up')(...parameters);
  });

add('down [names...]', 'roll back the last migration, or the named ones', [
  'down',
  'down 004-dates.js',
  'down --steps 2',
  'down --block',
])
  .option('--to <name>', 'roll back everything that was applied after this one')
  .option('--steps <n>', 'roll back so many', count)
  .option('-b, --block', 'roll back all that was applied together with the last one')
  .option('--run <id>', 'roll back all that this run has applied')
  .addOption(forArgs())
  .action(runs('down'));

add('dry-run [names...]', 'rehearse on a scratch copy; the database is not written', [
  'dry-run',
  'dry-run --sample all',
])
  .addOption(new Option('--sample <n>', 'documents per collection, or `all`').argParser(sample))
  .option('--down', 'rehearse the way back of the last migration, or of the named ones')
  .option(...forJunit)
  .addOption(forArgs())
  .action(runs('dry-run'));

add('validate [names...]', 'run the checks that come before a run, and nothing else', [
  'validate',
  'validate --junit report.xml',
])
  .option(...forJunit)
  .addOption(forArgs())
  .action(runs('validate'));
add('verify [names...]', 'verify applied migrations once more', ['verify 004-dates.js']).action(
  runs('verify'),
);

add('runs [id]', 'list the runs of the database, or show one', [
  'runs',
  'runs 20261123-101500-3f9a1c',
]).action(action((output, globals, _options, [id]) => runsCommand(output, globals, id)));
for (const [name, control, description] of [
  ['pause', 'pause', 'pause a run, wherever it is at work'],
  ['continue', 'resume', 'let a paused run go on'],
  ['cancel', 'cancel', 'end a run; what it has done stays resumable'],
] as const) {
  add(`${name} <id>`, description, [`${name} 20261123-101500-3f9a1c`]).action(
    action((output, globals, _options, [id = '']) => controlCommand(output, globals, id, control)),
  );
}

add('throttle <id>', 'hold a run back while it works, or let it go', [
  'throttle 20261123-101500-3f9a1c --docs-per-second 500',
  'throttle 20261123-101500-3f9a1c --off',
])
  .option('--docs-per-second <n>', 'at most so many documents in a second', limit)
  .option('--max-lag <seconds>', 'wait while a secondary lags behind by more', limit)
  .option('--max-latency <ms>', 'wait while the server takes longer to answer', limit)
  .option('--off', 'lift all limits')
  .action(
    action((output, globals, options: ThrottleOptions, [id = '']) =>
      throttleCommand(output, globals, id, options),
    ),
  );

add('resume <id>', 'go on with an interrupted, failed or cancelled run at its checkpoint', [
  'resume 20261123-101500-3f9a1c',
])
  .addOption(forFailure())
  .addOption(forCancel())
  .action(
    action((output, globals, options: Pick<RunOptions, 'onFailure' | 'onCancel'>, [resume]) =>
      runCommand(output, globals, { ...options, mode: 'up', names: [], resume }),
    ),
  );
add('rerun <name>', 'roll back the version that was applied, and run the file as it is now', [
  'rerun 004-dates.js',
]).action(
  action((output, globals, _options, names) =>
    runCommand(output, globals, { mode: 'up', names, again: true }),
  ),
);
add('quarantine <action> [name]', 'list, retry or discard the documents that failed', [
  'quarantine list',
  'quarantine retry 004-dates.js --id 4711',
  'quarantine discard 004-dates.js',
])
  .option('--id <_id>', 'only the document with this _id (Extended JSON); once for each', each)
  .action(action(quarantineCommand));
add('conflicts <action> <name> [id]', 'list, keep or restore what a rollback has left alone', [
  'conflicts list 004-dates.js',
  'conflicts keep 004-dates.js \'{"$oid":"65f000000000000000000001"}\'',
  'conflicts restore 004-dates.js',
]).action(action((output, globals, _options, args) => conflictsCommand(output, globals, args)));
add('journals <action>', 'list what runs have kept for rolling back, or drop what is old', [
  'journals list',
  'journals clean --days 30',
])
  .option(
    '--days <n>',
    'with clean: of runs that ended more days ago (default: journalDays of the config)',
    days,
  )
  .action(
    action((output, globals, options: { days?: number }, [action = '']) =>
      journalsCommand(output, globals, action, options),
    ),
  );
add('unlock', 'free the lease that a dead run has left', ['unlock']).action(
  action((output, globals) => unlockCommand(output, globals)),
);
add('mark <name>', 'write the ledger without running anything', ['mark 001-init.js --applied'])
  .option('--applied', 'it counts as applied from now on')
  .option('--pending', 'it counts as pending again')
  .action(
    action((output, globals, options: { applied?: boolean; pending?: boolean }, [name = '']) =>
      markCommand(output, globals, name, options),
    ),
  );
add('baseline', 'take all migrations that are there as applied, without running any', ['baseline']).action(
  action((output, globals) => baselineCommand(output, globals)),
);
add('adopt', 'take what another tool has applied as applied here too', [
  'adopt --dry-run',
  'adopt --from changelog',
])
  .option('--from <collection>', "the other tool's ledger, when it is not where it usually is")
  .option('--dry-run', 'only show what was found')
  .action(
    action((output, globals, options: { from?: string; dryRun?: boolean }) =>
      adoptCommand(output, globals, options),
    ),
  );
add(
  'squash [names...]',
  'make one file of applied migrations, the first ones, and prove that it does the same',
  ['squash', 'squash --to 120-prices.js --name "schema 2026"', 'squash --dry-run'],
)
  .option('--to <name>', 'up to and with this one (default: up to the first that is not applied)')
  .option('--name <description>', "a part of the new file's name", 'squashed')
  .option('--dry-run', 'show the new file; write nothing')
  .addOption(forArgs())
  .action(
    action((output, globals, options: SquashFlags, names) => squashCommand(output, globals, names, options)),
  );
add('repair', 'settle what killed processes have left behind', ['repair']).action(
  action((output, globals) => repairCommand(output, globals)),
);

add('completion <shell>', 'print what makes a shell complete commands, options and migrations', [
  'completion bash >> ~/.bashrc',
  'completion zsh > ~/.zfunc/_migratory',
  'completion fish > ~/.config/fish/completions/migratory.fish',
]).action(
  action((_output, _globals, _options, [shell = '']) => {
    process.stdout.write(completionScript(shell));
    return Promise.resolve(ExitCode.done);
  }),
);
/** With `--uri -` the connection string comes first on standard input; nothing else reads from there. */
async function main(): Promise<void> {
  if (process.argv[2] === askCommand) return complete(process.argv.slice(3));
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end well; anything else is a wrong call, which commander has explained already.
    process.exitCode = error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
    if (error.exitCode !== 0 && process.argv.includes('--json')) tellWrongCall(error.message);
  }
}

/** Commander writes to standard error alone. */
function tellWrongCall(words: string): void {
  const message = words.replace(/^error: /, '').replaceAll('\n', ' ');
  new Output({ json: true }).emit({ type: 'error', error: { message, user: true } });
}

/** Asked by a shell. Its words are no call: they are not parsed as one. */
async function complete(words: string[]): Promise<void> {
  const found = await completions(program, words, process.cwd());
  process.stdout.write(found.map((word) => `${word}\n`).join(''));
}

void main();
